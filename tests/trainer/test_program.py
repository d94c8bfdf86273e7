"""The program, as a person calls it."""

import dataclasses
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import time

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import option, options_of
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer import recipes
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.arguments import parse_lengths
from seq2seq_arith.trainer.commands import COMMANDS, parse, train
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.runs.run import Run, open_run

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


D_AND_R = "--data-dir D --run-dir R"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "learn",
        "train addition",
        f"train additoin {D_AND_R}",
        f"train pq {D_AND_R} --epochs 0",
        f"train pq {D_AND_R} --model x",
        f"train pq {D_AND_R} --digits 0",
        f"train pq {D_AND_R} --recipe x",
        "train pq --data-dir '' --run-dir R",
        "train subtraction --data-dir /proc/D --run-dir R",
        f"train pq --modulus 5 {D_AND_R}",
        f"train pq {D_AND_R} --batch-size x",
        "train pq --learning-rate x",
        f"train pq --draws value {D_AND_R}",
        f"train pq {D_AND_R} --epoch 1",
        f"train pq {D_AND_R} --profile-steps -5",
        f"train pq {D_AND_R} --batch-per-replica 0",
        f"train pq {D_AND_R} --batch-per-replica 8 --batch-size 8",
        "train pq --data-dir D --run-dir hdfs://b/r",
        "evaluate missing",
        "predict missing 1+2",
        "describe additoin",
        "describe pq --view aligned",
        "plot",
    ],
)
def test_refuses_in_one_sentence(command, refusal, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("arith-model: ")
    assert len(printed.splitlines()) == 1
    assert not list(tmp_path.iterdir())
    refusal.said(printed)


TRAIN = ["train", "addition", "--data-dir", "D", "--run-dir", "R"]
# Values that are no default, by the type of the field; of choices it is the last one.
OTHER = {int: 7, int | None: 7, float: 0.25, float | None: 0.25, str | None: '{"units": 7}'}
# Settings that only some models have.
CAUSAL = ["--model", "causal", "--view", "backward"]
WITH = {
    "positions": CAUSAL,
    "feed_forward": CAUSAL,
    "options": ["--model", f"{ROOT}/examples/own_model.py:transformer"],
    "curriculum": ["--stream", "--patience", "0"],
}
# Those that are written in a way of their own.
WRITTEN = {"curriculum": "1:1.5"}


@pytest.mark.parametrize(
    ("cls", "name"), [(cls, name) for cls in (ModelConfig, TrainConfig) for name in options_of(cls)]
)
def test_every_field_is_an_option_and_none_is_ignored(cls, name):
    field, about = options_of(cls)[name]
    flag = (about.flag or name).replace("_", "-")
    if field.type in (bool, bool | None):
        value, words = not field.default, [f"--no-{flag}" if field.default else f"--{flag}"]
    else:
        value = WRITTEN.get(name) or (about.allowed[-1] if about.choices else OTHER[field.type])
        words = [f"--{flag}", str(value)]
    # Only a cosine schedule has a warmup.
    args = parse([*TRAIN, "--recipe", "notebook", "--schedule", "cosine", *WITH.get(name, []), *words])
    config = configuration(args)[1]
    assert getattr(config.model if cls is ModelConfig else config, name) == value != field.default


def test_every_field_of_a_task_is_an_option():
    words = ["--digits", "4", "--num-examples", "50", "--data-seed", "3", "--no-reverse", "--ordered"]
    words += ["--draws", "value", "--num-validation", "7"]
    task, config = configuration(parse([*TRAIN, *words, "--seed", "8"]))
    values = {"digits": 4, "num_examples": 50, "seed": 3, "reverse": False, "ordered": True, "draws": "value"}
    values |= {"num_validation": 7}
    assert task == Task("addition", **values)
    assert set(values) == set(options_of(Task))
    assert config.seed == 8


@pytest.mark.parametrize(
    ("words", "config_name"),
    [
        ("train subtraction", "subtraction-n750000-structured"),
        ("train subtraction --recipe best --seed 1", "subtraction-n750000-structured"),
        ("train subtraction --data-seed 1", "subtraction-n750000-s1-structured"),
        ("train subtraction --num-examples 2000", "subtraction-n2000-structured"),
        ("train subtraction --digits 8", "subtraction-d8-n750000-structured"),
        ("train subtraction --draws digits --num-examples 50000", "subtraction"),
        ("train subtraction --recipe notebook", "subtraction"),
        ("train subtraction --recipe notebook --digits 2", "subtraction-d2-n5050"),
        ("train subtraction --digits 1", "subtraction-d1-n55-structured"),
        ("train pq --dashes 20", "pq-d20-n210"),
        ("train addition --recipe lengths", "addition-d5-n600000-structured"),
        ("train modular_addition", "modular_addition"),
    ],
)
def test_a_recipe_names_its_dataset_and_options_change_it(words, config_name):
    args = parse([*words.split(), "--data-dir", "D", "--run-dir", "R"])
    assert configuration(args)[0].config_name == config_name


def test_a_new_field_is_an_option_at_once(monkeypatch, capsys):
    """A field that is added to the configuration shows in --help, and its value arrives."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Larger(TrainConfig):
        momentum: float = option("how much of the last step is kept", default=0.9, low=0.0, high=1.0)

    monkeypatch.setattr(train, "TrainConfig", Larger)
    monkeypatch.setattr(recipes, "recipe", lambda *_: Larger())
    assert configuration(parse([*TRAIN, "--momentum", "0.5"]))[1].momentum == 0.5
    with pytest.raises(InputError, match=r"momentum is 2\.0; give a number from 0 to 1"):
        configuration(parse([*TRAIN, "--momentum", "2"]))
    with pytest.raises(SystemExit):
        parse(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "how much of the last step is kept (from 0 to 1; default: 0.9)" in shown
    assert "units per layer (from 1 to 16,384; default: the recipe's)" in shown


def test_an_evaluation_that_is_refused(refusal, capsys, tmp_path):
    for task, words in (
        (Task("subtraction"), ["--all-questions"]),
        (Task("addition"), ["--per-slice", "0"]),
        (Task("addition"), ["--suite-seed", "-1"]),
        (Task("addition"), ["--lengths", "1001"]),
    ):
        run = Run(tmp_path / task.name, task, "abc", "D", TrainConfig())
        run.claim()
        assert main(["evaluate", str(run.folder), *words]) == 2
        refusal.said(capsys.readouterr().err)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_ends_with_examples_that_the_parser_accepts(capsys, command):
    with pytest.raises(SystemExit):
        parse([*command.split(), "--help"])
    examples = capsys.readouterr().out.partition("\nexamples:\n")[2].splitlines()
    assert examples
    for example in examples:
        name, *words = shlex.split(example)
        assert name == "arith-model"
        if "--help" not in words:
            args = parse(words)
            assert args.command == command or not command
            if args.command == "train":
                assert configuration(args)


def test_describe_and_plot(trained, capsys, tmp_path):
    assert main(["describe", "addition", "--recipe", "notebook", "--model", "gru", "--hidden", "24"]) == 0
    shown = capsys.readouterr().out
    assert "gru: the notebook's network, of gated recurrent units" in shown
    assert re.search(r"^--hidden +24 ", shown, re.MULTILINE)
    for words in (
        ["--digits", "4"],
        ["--data-seed", "4"],
        ["--model", "gru"],
        ["--recipe", "best"],
        ["--dashes", "9"],
    ):
        assert main(["describe", str(trained.folder), *words]) == 2
        assert f"{words[0]} is given, but {trained.folder} is a run, which has its own" in capsys.readouterr().err
    picture = tmp_path / "curves.png"
    assert main(["plot", str(trained.folder), "-o", str(picture)]) == 0
    assert capsys.readouterr().out == f"{picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["plot", str(trained.folder), "-o", str(tmp_path / "curves.txt")]) == 2


@pytest.mark.release
def test_a_run_that_ends_early_goes_on_as_it_says(data_dir, tasks, tmp_path, capsys):
    size = ["--dashes", "20", "--num-examples", str(tasks["pq"].num_examples), "--recipe", "notebook"]
    command = ["train", "pq", "--data-dir", str(data_dir), *size, "--min-delta", "10", "--epochs", "3"]
    command += ["--model", "convolution", "--hidden", "4"]
    assert main([*command, "--run-dir", str(tmp_path / "run"), "--patience", "1"]) == 0
    printed = capsys.readouterr().out
    assert "run is finished: the validation loss hardly fell for 1 epoch\n" in printed
    assert "run the same command with --patience 0, which never stops early, or with more than --patience 1" in printed
    assert main([*command, "--run-dir", str(tmp_path / "run"), "--patience", "0"]) == 0
    assert "run is finished: 3 epochs were asked for" in capsys.readouterr().out
    assert open_run(tmp_path / "run").config.patience == 0


def test_questions_of_dashes_are_no_options():
    """An example of each task without digits arrives as a question, whatever its operator is."""
    for operation in OPERATIONS.values():
        if not operation.notation.has_digits:
            question = operation.symbol.join(operation.notation.example)
            short = f"-{{1000}}{operation.symbol}-"
            asked = [question, short, f"-{{7}}{operation.symbol}5", f"300{operation.symbol}2"]
            assert parse(["predict", "R", *asked, "--json"]).questions == asked


def test_questions_may_stand_behind_an_option():
    for words in (["3+4", "--json", "5+6"], ["--json", "3+4", "5+6"]):
        args = parse(["predict", "R", *words])
        assert (sorted(args.questions), args.json) == (["3+4", "5+6"], True)
    with pytest.raises(InputError, match=r"unrecognized arguments: -1\+2; see"):
        parse(["predict", "R", "39+3", "-1+2", "39-3"])


@pytest.mark.parametrize(
    ("text", "lengths"),
    [(None, []), ("6", [6]), ("6-8", [6, 7, 8]), ("1000,10000", [1000, 10000]), ("3,5-6", [3, 5, 6])],
)
def test_lengths(text, lengths):
    assert parse_lengths(text) == lengths


@pytest.mark.parametrize("text", ["six", "", "6-", "-6", "6,,7", "1.5", "18-6", "1-99999999999", "1-999999999", "²"])
def test_bad_lengths(text):
    with pytest.raises(InputError, match="give whole numbers up to 1000000 and rising ranges"):
        parse_lengths(text)


def test_a_run_from_end_to_end(data_dir, tasks, tmp_path, capsys):
    """Two replicas train pq; the same command again says that all is done; another one is refused.

    Only the first command runs in a process of its own, because importing TensorFlow takes seconds.
    """
    size = ["--digits", tasks["pq"].digits, "--num-examples", tasks["pq"].num_examples]
    command = ["train", "pq", "--data-dir", data_dir, "--run-dir", tmp_path / "run", *size, "--epochs", 3]
    command = [str(word) for word in command]
    first = run(*command, "--steps-per-epoch", 30, "--replicas", 2, "--batch-per-replica", 8)
    assert first.returncode == 0, first.stderr
    assert [line for line in first.stderr.splitlines() if not re.search(r": \d+ of \d+ (steps|examples)", line)] == []
    assert "2 replicas, 8 examples of each batch per replica\n" in first.stdout
    assert "note: on GPUs" not in first.stdout
    assert json.loads((tmp_path / "run" / "config.json").read_text())["train"]["deterministic"] is True
    facts = [line.split("  ")[0] for line in first.stdout.partition("is finished")[2].splitlines()[4:12]]
    reached, cost = ["exact match", "worst slice"], ["weights", "examples seen", "operations", "seconds"]
    assert facts == ["trained on", "given", *reached, *cost]
    made = sorted(path.name for path in (tmp_path / "run").iterdir())
    checkpoints = ["best.npz", "last.npz", "previous.npz"]
    others = [".lock", "config.json", "history.csv", "history.png", "samples.jsonl", "summary.json"]
    assert made == sorted([*checkpoints, *others])
    history = (tmp_path / "run" / "history.csv").read_bytes()
    assert main([*command, "--steps-per-epoch", "30"]) == 0
    again = capsys.readouterr().out
    assert "is finished: 3 epochs were asked for" in again
    assert "epoch 1" not in again
    assert (tmp_path / "run" / "history.csv").read_bytes() == history
    assert main([*command, "--steps-per-epoch", "31"]) == 2
    assert "train.steps_per_epoch is 30 there and 31 here" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "run"), "---p--"]) == 0
    assert capsys.readouterr().out.startswith("---p--")


@pytest.mark.release
def test_a_missing_dataset_is_made(tmp_path, monkeypatch, capsys):
    """As ``arith-data generate`` makes it. A dataset that lies there already is named, with the options for it."""
    monkeypatch.chdir(tmp_path)
    size = ["--num-examples", "300", "--digits", "2"]
    assert arith_data(["generate", "subtraction", *size, "--data-dir", "data"]) == 0
    train = ["train", "subtraction", *size, "--data-dir", "data", "--epochs", "1", "--no-xla"]
    train += ["--hidden", "4", "--layers", "1"]
    assert main([*train, "--run-dir", "run"]) == 0
    printed = capsys.readouterr().out
    made = "arith-data generate subtraction --digits 2 --num-examples 300 --draws structured --data-dir data"
    assert f"making the dataset seq2seq_arith/subtraction-d2-n300-structured, as this does: {made}\n" in printed
    assert open_run("run").task == Task("subtraction", digits=2, num_examples=300, draws="structured")
    assert arith_data(shlex.split(made)[1:]) == 0
    assert "is there already, complete and as asked for" in capsys.readouterr().out
    there = "data has subtraction-d2-n300, and recipe 'best' trains on subtraction-d2-n300-structured"
    advice = re.search(f"{there}; to train on the former, add: (.*)", printed)
    assert advice
    assert main([*train, "--run-dir", "other", *advice[1].split()]) == 0
    assert open_run("other").task == Task("subtraction", digits=2, num_examples=300)


def test_a_folder_of_another_run_is_refused_before_its_dataset_is_made(trained, tmp_path, capsys):
    capsys.readouterr()
    data_dir = tmp_path / "data"
    assert main(["train", "pq", "--data-dir", str(data_dir), "--run-dir", str(trained.folder)]) == 2
    refused = capsys.readouterr().err
    assert f"{trained.folder} holds a run on addition-n1003, and this is pq; give another --run-dir" in refused
    assert main(["demo", "--data-dir", str(data_dir), "--run-dir", str(trained.folder.parent)]) == 2
    assert "holds a run on addition-n1003" in capsys.readouterr().err
    assert not data_dir.exists()


@pytest.mark.release
def test_a_disk_that_is_full(data_dir, tasks, tmp_path):
    """Files of at most 64 kB: the best weights fit, the same with an optimizer do not, and nothing of those is left."""
    size = ["--digits", 20, "--num-examples", tasks["pq"].num_examples, "--epochs", 1, "--steps-per-epoch", 2]
    # Python would cut its bytecode as well, and stumble over that later.
    tight = {"max_file": 2**16, "environment": {"PYTHONDONTWRITEBYTECODE": "1"}}
    limited = run("train", "pq", "--data-dir", data_dir, "--run-dir", tmp_path / "run", *size, **tight)
    assert limited.returncode == 1
    assert limited.stderr == (
        f"arith-model: {tmp_path / 'run' / 'last.npz'} cannot be written (File too large), and nothing of it was left; "
        "make room, or give another place\n"
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        ".lock",
        "best.npz",
        "config.json",
        "samples.jsonl",
    ]


@pytest.mark.slow
def test_a_reader_that_has_seen_enough(trained, tmp_path):
    """More lines than the pipe holds, so that the program meets its closed end."""
    (tmp_path / "many").write_text("12+30\n" * 10_000)
    command = [sys.executable, "-m", "seq2seq_arith.trainer", "predict", trained.folder, "--file", tmp_path / "many"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("12+30 = ")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_cluster_is_for_training_alone(trained, monkeypatch, capsys):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    capsys.readouterr()
    assert main(["predict", str(trained.folder), "12+30", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["question"] == "12+30"


@pytest.mark.parametrize("command", ["predict", "inspect"])
def test_a_question_in_short_is_answered_as_the_long_one(trained, capsys, command):
    capsys.readouterr()
    said = []
    for question in ("9{3}+1{2}", "999+11"):
        assert main([command, str(trained.folder), question, "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["question"] == "999+11"
    assert said[0] == said[1]


@pytest.fixture(scope="module")
def never_killed(data_dir, tmp_path_factory):
    """The arguments of a long training of a small model, but for its folder; and the folder of such a run."""
    size = ["--num-examples", 1003, "--epochs", 150, "--checkpoint-seconds", 0.01, "--batch-size", 16]
    arguments = [str(a) for a in ("train", "addition", "--data-dir", data_dir, *size, "--run-dir")]
    whole = tmp_path_factory.mktemp("never-killed")
    assert run(*arguments, whole).returncode == 0
    return arguments, whole


@pytest.mark.slow
def test_a_killed_run_goes_on_bitwise(never_killed, tmp_path):
    """SIGKILL some time after the first checkpoint, and the same command again."""
    arguments, unbroken = never_killed
    command = [sys.executable, "-m", "seq2seq_arith.trainer", *arguments, str(tmp_path / "killed")]
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "last.npz").exists():
        assert victim.poll() is None
        time.sleep(0.05)
    time.sleep(2)
    victim.kill()
    assert victim.wait() == -9
    assert run(*arguments, tmp_path / "killed").returncode == 0
    from seq2seq_arith.trainer.runs.checkpoints import load

    for name in ("last.npz", "best.npz"):
        (whole, _), (killed, _) = (load(folder / name) for folder in (unbroken, tmp_path / "killed"))
        assert whole.keys() == killed.keys()
        assert all(whole[key].tobytes() == killed[key].tobytes() for key in whole)
    lines = [(folder / "history.csv").read_text().splitlines() for folder in (unbroken, tmp_path / "killed")]
    learned = [[line.rsplit(",", 2)[0] for line in rows] for rows in lines]
    assert learned[0] == learned[1]


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("tensorflow", ["train", "addition", "--data-dir=data", "--run-dir=run"]), ("keras", ["predict", "run"])],
)
def test_without_tensorflow_it_says_what_to_install(missing, arguments, tmp_path, monkeypatch):
    """At once: before it makes a dataset, or looks for a run."""
    monkeypatch.chdir(tmp_path)
    code = f"""
import sys
sys.modules[{missing!r}] = None  # as if it were not installed
from seq2seq_arith.trainer.__main__ import main
sys.exit(main({arguments}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    sentence = f"arith-model needs {missing}, which is not installed: {packages.install_command('train')}"
    assert (done.returncode, done.stderr) == (2, f"arith-model: {sentence}\n")
    assert list(tmp_path.iterdir()) == []
