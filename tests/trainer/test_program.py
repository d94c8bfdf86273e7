"""The program, as a person calls it."""

import subprocess
import sys
import time

import pytest

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer.__main__ import main, parse_lengths

HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "matplotlib", "apache_beam")


def run(*arguments):
    command = [sys.executable, "-m", "seq2seq_arith.trainer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


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
        ([], "the following arguments are required: command; see arith-model --help"),
        (["learn"], "invalid choice: 'learn'"),
        (["train", "addition"], "required: --data-dir, --run-dir; see arith-model train --help"),
        (["train", "additoin", "--data-dir", "D", "--run-dir", "R"], "did you mean 'addition'?"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--epochs", "0"], "epochs is 0; give a whole number"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--model", "x"], "model is 'x'; give one of lstm"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--digits", "0"], "digits is 0"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--recipe", "x"], "recipe is 'x'; give one of best"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R"], "arith-data generate pq --data-dir D"),
        (["train", "pq", "--data-dir", "D", "--run-dir", "R", "--batch", "x"], "invalid int value: 'x'"),
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


@pytest.mark.parametrize("text", ["six", "6-", "-6", "6,,7", "1.5"])
def test_bad_lengths(text):
    with pytest.raises(InputError, match="give whole numbers and ranges"):
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


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_a_killed_run_goes_on_bitwise(data_dir, tmp_path, seconds):
    """SIGKILL some time after the first checkpoint, and the same command again."""
    size = ["--num-examples", 1003, "--epochs", 60, "--checkpoint-seconds", 0.01, "--batch-size", 16]
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
