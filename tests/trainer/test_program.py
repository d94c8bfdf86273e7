"""The program, as a person calls it."""

import json
import os
import resource
import subprocess
import sys
import time

import pytest

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer.__main__ import main, parse_lengths

HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "matplotlib", "apache_beam")


def run(*arguments, environment=None, max_file=resource.RLIM_INFINITY):
    """The program in a process of its own, whose files may have at most so many bytes."""
    command = [sys.executable, "-m", "seq2seq_arith.trainer", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | (environment or {}),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_file, max_file)),
    )


def test_help_is_quick_and_imports_nothing_heavy():
    code = f"""
import sys
from seq2seq_arith.trainer.__main__ import main
try:
    main(["train", "--help"])
except SystemExit:
    pass
assert not [name for name in {HEAVY} if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND; see arith-model --help"),
        (["learn"], "invalid choice: 'learn'"),
        (["train", "addition"], "required: --data-dir, --run-dir; see arith-model train --help"),
        (["train", "additoin", "--data-dir", "D", "--run-dir", "R"], "did you mean 'addition'?"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--epochs", "0"], "epochs is 0; give a whole number"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--model", "x"], "model is 'x'; give one of lstm"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--digits", "0"], "digits is 0"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--recipe", "x"], "recipe is 'x'; give one of best"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R"], "arith-data generate pq --data-dir D"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--batch-size", "x"], "invalid int value: 'x'"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--epoch", "1"], "unrecognized arguments: --epoch 1"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--profile-steps", "-5"], "profile-steps is -5; give 0"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "s3://b/r"], "s3://b/r is on no disk of this machine"),
        (["evaluate", "missing"], "missing is no run: it has no config.json"),
        (["predict", "missing", "1+2"], "missing is no run"),
        (["export", "missing", "out"], "missing is no run"),
    ],
)
def test_refuses_in_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("arith-model: ")
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "lengths"),
    [(None, []), ("6", [6]), ("6-8", [6, 7, 8]), ("1000,10000", [1000, 10000]), ("3,5-6", [3, 5, 6])],
)
def test_lengths(text, lengths):
    assert parse_lengths(text) == lengths


@pytest.mark.parametrize("text", ["six", "6-", "-6", "6,,7", "1.5", "18-6", "1-99999999999", "1-999999999", "²"])
def test_bad_lengths(text):
    with pytest.raises(InputError, match="give whole numbers up to 1,000,000 and rising ranges"):
        parse_lengths(text)


def test_a_run_from_end_to_end(data_dir, tasks, tmp_path):
    """Two replicas train pq; the same command again says that all is done; another one is refused."""
    size = ["--digits", tasks["pq"].digits, "--num-examples", tasks["pq"].num_examples]
    command = ["train", "pq", "--data-dir", data_dir, "--run-dir", tmp_path / "run", *size, "--epochs", 3]
    first = run(*command, "--steps-per-epoch", 30, "--replicas", 2)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert "2 replicas" in first.stdout
    assert "character accuracy  exact match  seconds" in first.stdout
    made = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert made == ["best.npz", "config.json", "history.csv", "history.png", "last.npz"]
    history = (tmp_path / "run" / "history.csv").read_bytes()
    again = run(*command, "--steps-per-epoch", 30)
    assert again.returncode == 0, again.stderr
    assert "is finished: 3 epochs were asked for" in again.stdout
    assert "epoch 1" not in again.stdout
    assert (tmp_path / "run" / "history.csv").read_bytes() == history
    other = run(*command, "--steps-per-epoch", 31)
    assert other.returncode == 2
    assert "train.steps_per_epoch is 30 there and 31 here" in other.stderr
    answered = run("predict", tmp_path / "run", "---p--")
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout.startswith("---p--")


def test_a_disk_that_is_full(data_dir, tasks, tmp_path):
    """Files of at most 8 kB: the best weights fit, the same with an optimizer do not, and nothing of those is left."""
    size = ["--digits", 20, "--num-examples", tasks["pq"].num_examples, "--epochs", 1, "--steps-per-epoch", 2]
    # Python would cut its bytecode as well, and stumble over that later.
    tight = {"max_file": 8192, "environment": {"PYTHONDONTWRITEBYTECODE": "1"}}
    limited = run("train", "pq", "--data-dir", data_dir, "--run-dir", tmp_path / "run", *size, **tight)
    assert limited.returncode == 1
    assert limited.stderr == (
        f"arith-model: {tmp_path / 'run' / 'last.npz'} cannot be written (File too large), and nothing of it was left; "
        "make room, or give another place\n"
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["best.npz", "config.json"]


def test_places_that_cannot_be_written(trained, tmp_path):
    (tmp_path / "file").write_text("")
    refused = run("export", trained.folder, tmp_path / "file" / "out")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "out cannot be written (Not a directory)" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_reader_that_has_seen_enough_and_one_that_has_few_characters(trained, tmp_path):
    (tmp_path / "many").write_text("12+30\n" * 30_000)
    command = [sys.executable, "-m", "seq2seq_arith.trainer", "predict", trained.folder, "--file", tmp_path / "many"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("12+30 = ")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
    table = run("evaluate", trained.folder, environment={"PYTHONIOENCODING": "latin-1"})
    assert (table.returncode, table.stderr) == (0, "")


def test_a_cluster_is_for_training_alone(trained):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    answered = run("predict", trained.folder, "12+30", "--json", environment={"TF_CONFIG": json.dumps(cluster)})
    assert (answered.returncode, answered.stderr) == (0, "")
    assert json.loads(answered.stdout)["question"] == "12+30"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_a_killed_run_goes_on_bitwise(data_dir, tmp_path, seconds):
    """SIGKILL some time after the first checkpoint, and the same command again."""
    size = ["--num-examples", 1003, "--epochs", 150, "--checkpoint-seconds", 0.01, "--batch-size", 16]
    arguments = [str(a) for a in ("train", "addition", "--data-dir", data_dir, *size, "--run-dir")]
    assert run(*arguments, tmp_path / "whole").returncode == 0
    command = [sys.executable, "-m", "seq2seq_arith.trainer", *arguments, str(tmp_path / "killed")]
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "last.npz").exists():
        time.sleep(0.05)
    time.sleep(seconds)
    victim.kill()
    assert victim.wait() == -9
    assert run(*arguments, tmp_path / "killed").returncode == 0
    from seq2seq_arith.trainer.checkpoints import load

    for name in ("last.npz", "best.npz"):
        (whole, _), (killed, _) = (load(tmp_path / folder / name) for folder in ("whole", "killed"))
        assert [array.tobytes() for array in whole] == [array.tobytes() for array in killed]
    lines = [(tmp_path / folder / "history.csv").read_text().splitlines() for folder in ("whole", "killed")]
    learned = [[line.rsplit(",", 2)[0] for line in rows] for rows in lines]
    assert learned[0] == learned[1]
