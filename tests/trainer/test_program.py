"""The program, as a person calls it."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import run_files
from layout import OWN_MODEL
from programs import run_here

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import parse
from seq2seq_arith.base import packages
from seq2seq_arith.base.checks import read_numbers
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import call, parameters_of
from seq2seq_arith.base.parser import typed_values
from seq2seq_arith.pipelines.commands import ARITH_DATA
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.commands import ARITH_MODEL
from seq2seq_arith.trainer.commands.train import Setup, set_up
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig, TrainConfig
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs.run import Run

D_AND_R = "--data-dir D --run-dir R"
# By command; the folders are those of the fixture ``storage``.
REFUSED = {
    "": ["learn", "trian"],
    "train additoin": [""],
    f"train pq {D_AND_R}": ["--modulus 5", "--epoch 1"],
    "train": [
        f"additoin {D_AND_R}",
        "pq --data-dir '' --run-dir R",
        "subtraction --data-dir /proc/D --run-dir R",
        "pq --learning-rate x",
        "pq --data-dir D --run-dir hdfs://b/r",
        "addition --recipe length_generalization --data-dir D --run-dir pretrained:addition --dry-run",
        f"multiplication --model latch_tagger --input-format aligned --prove 3 {D_AND_R} --dry-run",
        f"multiplication --model causal --input-format partial_products --stream --curriculum 1:2 {D_AND_R} --dry-run",
    ],
    "evaluate": ["missing", "run --per-slice 0", "run --suite-seed -1"],
    "search": ["missing", "run --questions 0", "run --lengths 1001"],
    "predict": ["missing 1+2", "proved:addition 1+2"],
    "inspect": ["run", "run 1+2 3+4", "run 1+2 -o found.txt"],
    "describe": [
        "pq --input-format aligned",
        "addition_of_three --model bilstm_tagger --input-format plain",
        "addition --model causal --positional-encoding position_coupling",
    ],
    "plot": ["", "damaged -o out.png"],
    "report": ["", "missing", "gone", "damaged -o out.html", "run -o page.pdf", "fixed --lengths 9"],
    "report run": ["-o s3://b/page.html", "--examples 0", "--lengths 0"],
    "serve": ["missing", "empty", "empty --port 65536"],
    "serve empty --export": ["empty", "s3://b/page", "page"],
    "sweep sweep.toml --data-dir D --run-dir R": ["--seeds 2-1", "--jobs 0"],
}


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Path:
    """A folder with runs that have a history, and, but for one, a file in the place of the best weights."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "empty").mkdir()
    (folder / "sweep.toml").write_text("[common]\ntask = 'addition'\n[runs.one]\n")
    fixed = TrainConfig(model=ModelConfig(name="causal", positional_encoding="learned"))
    runs = dict.fromkeys(("run", "other", "damaged", "gone"), TrainConfig())
    runs |= {"fixed": fixed}
    for name, config in runs.items():
        run = Run(folder / name, Task("addition"), "0" * 64, "D", config)
        run.write_config()
        history.write_csv(run.history, run_files.ROWS[:1])
        run.best.touch()
    (folder / "damaged" / "history.csv").write_text("epoch,steps\n1\n")
    (folder / "gone" / "best.npz").unlink()
    return folder


@pytest.mark.parametrize(
    "command", [f"{first} {rest}".strip() for first, all in REFUSED.items() for rest in all], ids=str
)
@pytest.mark.usefixtures("no_custom_tasks")
def test_refuses_in_one_sentence_and_writes_nothing(command, input_error, capsys, places, monkeypatch):
    monkeypatch.chdir(places)
    before = set(places.iterdir())
    assert main(shlex.split(command)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("arith-model: ")
    assert len(printed.splitlines()) == 1
    assert set(places.iterdir()) == before
    input_error.printed(printed)


def configuration(words: list[str]) -> Setup:
    """What a command trains."""
    return call(set_up, typed_values(ARITH_MODEL.parse(words), parameters_of(set_up)))


TRAIN = ["train", "addition", "--data-dir", "D", "--run-dir", "R"]
# Values that are no default, by the type of the field; of choices it is the last one.
OTHER = {int: 7, float: 0.25, str: '{"units": 7}'}
# Settings that only some models have.
CAUSAL = ["--model", "causal", "--input-format", "reversed"]
STAGES = ["--stream", "--patience", "0", "--curriculum", "2:1.25"]
WITH = {
    **dict.fromkeys(NETWORK_OPTIONS, CAUSAL),
    "rope_base": [*CAUSAL, "--positional-encoding", "rope"],
    "distractors": [*CAUSAL, "--positional-encoding", "position_coupling"],
    "attention_window": [*CAUSAL, "--positional-encoding", "coupled_relative_bias"],
    "curriculum_threshold": STAGES,
    "curriculum_window": STAGES,
    "options": ["--model", OWN_MODEL],
    "curriculum": ["--stream", "--patience", "0"],
    "prove": ["--model", "latch_tagger", "--input-format", "aligned"],
}
# Those that are written in a way of their own.
WRITTEN = {"curriculum": "1:1.5", "heads": 8, "rope_base": 3.0}


@pytest.mark.parametrize(
    ("cls", "name"), [(cls, name) for cls in (ModelConfig, TrainConfig) for name in parameters_of(cls)]
)
def test_every_field_is_an_option_and_none_is_ignored(cls, name):
    field = parameters_of(cls)[name]
    value = not field.default
    if field.kind is not bool:
        value = WRITTEN.get(name) or (field.about.allowed[-1] if field.about.choices else OTHER[field.kind])
    # Only a cosine schedule has a warmup.
    words = [*TRAIN, "--recipe", "notebook", "--schedule", "cosine", *WITH.get(name, []), *field.typed(value)]
    config = configuration(words).config
    assert getattr(config.model if cls is ModelConfig else config, name) == value != field.default


def test_every_field_of_a_task_is_an_option():
    words = ["--digits", "4", "--num-examples", "50", "--data-seed", "3", "--no-reverse", "--ordered"]
    words += ["--draws", "value", "--num-validation", "7"]
    task, config = configuration([*TRAIN, *words, "--seed", "8"])
    values = {"size": 4, "num_examples": 50, "seed": 3, "reverse": False, "ordered": True, "draws": "value"}
    values |= {"num_validation": 7}
    assert task == Task("addition", **values)
    assert set(values) == set(parameters_of(Task))
    assert config.seed == 8


@pytest.mark.parametrize(
    ("words", "config_name"),
    [
        ("train subtraction", "subtraction-n1150000-structured"),
        ("train subtraction --data-seed 1", "subtraction-n1150000-s1-structured"),
        ("train subtraction --num-examples 2000", "subtraction-n2000-structured"),
        ("train subtraction --draws digits --num-examples 50000", "subtraction"),
        ("train subtraction --recipe notebook", "subtraction"),
        ("train subtraction --recipe notebook --digits 2", "subtraction-d2-n5050"),
        ("train subtraction --digits 1", "subtraction-d1-n55-structured"),
        ("train pq --dashes 20", "pq-d20-n210"),
    ],
)
def test_a_recipe_names_its_dataset_and_options_change_it(words, config_name):
    assert configuration([*words.split(), "--data-dir", "D", "--run-dir", "R"]).task.config_name == config_name


PROGRAMS = (ARITH_DATA, ARITH_MODEL)


@pytest.mark.parametrize(
    ("program", "command"),
    [(program, each) for program in PROGRAMS for each in ("", *program.commands)],
    ids=lambda each: getattr(each, "name", each),
)
def test_help_ends_with_examples_that_the_parser_accepts(capsys, program, command):
    with pytest.raises(SystemExit):
        program.parse([*command.split(), "--help"])
    examples = capsys.readouterr().out.partition("\nexamples:\n")[2].splitlines()
    assert examples
    for example in examples:
        name, *words = shlex.split(example.partition(">")[0])
        assert name == program.name
        if "--help" not in words:
            args = program.parse(words)
            assert args.command == command or not command
            assert getattr(args, "rest", []) == []
            if args.command == "train":
                assert configuration(words)


def test_describe(trained, capsys):
    assert main(["describe", "addition", "--recipe", "notebook", "--model", "gru", "--hidden", "24"]) == 0
    shown = capsys.readouterr().out
    assert "gru: the notebook's encoder and decoder with gated recurrent units" in shown
    assert re.search(r"^--hidden +24 ", shown, re.MULTILINE)
    assert main(["describe", "pretrained:addition"]) == 0
    assert "latch_tagger" in capsys.readouterr().out
    for words in (["--data-seed", "4"], ["--recipe", "best"]):
        assert main(["describe", str(trained.folder), *words]) == 2
        assert f"{words[0]} is given, but {trained.folder} is a run, which has its own" in capsys.readouterr().err


def test_questions_of_dashes_are_no_options():
    """An example of each task without digits arrives as a question, whatever its operator is."""
    for operation in OPERATIONS.values():
        if not operation.notation.has_digits:
            question = operation.symbol.join(operation.notation.example)
            short = f"-{{1000}}{operation.symbol}-"
            asked = [question, short, f"-{{7}}{operation.symbol}5", f"300{operation.symbol}2"]
            assert ARITH_MODEL.parse(["predict", "R", *asked, "--json"]).questions == asked


def test_questions_may_stand_behind_an_option():
    for words in (["3+4", "--json", "5+6"], ["--json", "3+4", "5+6"]):
        args = ARITH_MODEL.parse(["predict", "R", *words])
        assert (sorted(args.questions), args.as_json) == (["3+4", "5+6"], True)


def test_a_question_with_a_negative_number_is_no_option():
    """So that the task says how its questions look."""
    args = ARITH_MODEL.parse(["predict", "R", "39+3", "-1+2", "--json", "-5-3"])
    assert (args.questions, args.as_json) == (["39+3", "-1+2", "-5-3"], True)
    with pytest.raises(InputError):
        parse("-5-3", Task("subtraction"))


def test_lengths():
    assert read_numbers("lengths", "3,5-6") == [3, 5, 6]


@pytest.mark.parametrize("text", ["six", "6-", "6,,7", "18-6", "1-999999999", "²"])
def test_bad_lengths(text):
    with pytest.raises(InputError):
        read_numbers("lengths", text)


def test_a_run_from_end_to_end(data_dir, tasks, tmp_path):
    """Two replicas train pq; the same command again says that all is done; another one is refused."""
    size = ["--digits", tasks["pq"].size, "--num-examples", tasks["pq"].num_examples]
    command = ["train", "pq", "--data-dir", data_dir, "--run-dir", tmp_path / "run", *size, "--epochs", 2]
    first = run_here(*command, "--steps-per-epoch", 5, "--replicas", 2, "--batch-size", 16, main=main)
    assert first.returncode == 0, first.stderr
    assert [line for line in first.stderr.splitlines() if not re.search(r": \d+ of \d+ (steps|examples)", line)] == []
    assert "2 replicas, 8 examples of each batch per replica\n" in first.stdout
    assert "note: on GPUs" not in first.stdout
    assert json.loads((tmp_path / "run" / "config.json").read_text())["train"]["deterministic"] is True
    assert "\nCPU seconds " in first.stdout.partition("is finished")[2]
    made = sorted(path.name for path in (tmp_path / "run").iterdir())
    checkpoints = ["best.npz", "last.npz", "previous.npz"]
    others = [".lock", "config.json", "history.csv", "history.png", "samples.jsonl", "summary.json"]
    assert made == sorted([*checkpoints, *others])
    history = (tmp_path / "run" / "history.csv").read_bytes()
    again = run_here(*command, "--steps-per-epoch", 5, main=main)
    assert again.returncode == 0
    assert "is finished: all 2 epochs are done" in again.stdout
    assert "epoch 1" not in again.stdout
    assert (tmp_path / "run" / "history.csv").read_bytes() == history
    another = run_here(*command, "--steps-per-epoch", 6, main=main)
    assert another.returncode == 2
    assert "train.steps_per_epoch is 5 there and 6 here" in another.stderr


def test_a_folder_of_another_run_is_refused_before_its_dataset_is_made(trained, tmp_path, capsys):
    capsys.readouterr()
    data_dir = tmp_path / "data"
    assert main(["train", "pq", "--data-dir", str(data_dir), "--run-dir", str(trained.folder)]) == 2
    refused = capsys.readouterr().err
    assert f"{trained.folder} contains a run on addition-n1003, not on pq; give another --run-dir" in refused
    assert main(["demo", "--data-dir", str(data_dir), "--run-dir", str(trained.folder.parent)]) == 2
    assert "contains a run on addition-n1003" in capsys.readouterr().err
    assert not data_dir.exists()


@pytest.mark.models
def test_a_cluster_is_for_training_alone(trained, monkeypatch, capsys):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    capsys.readouterr()
    assert main(["predict", str(trained.folder), "12+30", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["question"] == "12+30"


@pytest.mark.models
@pytest.mark.parametrize("command", ["predict", "inspect"])
def test_a_question_in_short_is_answered_as_the_long_one(trained, capsys, command):
    capsys.readouterr()
    said = []
    for question in ("9{3}+1{2}", "999+11"):
        assert main([command, str(trained.folder), question, "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["question"] == "999+11"
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("tensorflow", ["train", "addition", "--data-dir=data", "--run-dir=run"]), ("keras", ["inspect", "run", "1+1"])],
)
def test_without_tensorflow_it_says_what_to_install(missing, arguments, tmp_path, monkeypatch, capsys):
    """At once: before it makes a dataset, or looks for a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    assert main(arguments) == 2
    sentence = f"arith-model needs {missing}, which is not installed: {packages.install_command('train')}"
    assert capsys.readouterr().err == f"arith-model: {sentence}\n"
    assert list(tmp_path.iterdir()) == []
