"""Options of ``train`` that are not typed: those of a file, of a run, and of the environment."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from programs import run_here

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import call, parameters_of
from seq2seq_arith.base.parser import typed_values
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.commands import ARITH_MODEL
from seq2seq_arith.trainer.commands.train import Setup, set_up
from seq2seq_arith.trainer.runs.run import PRETRAINED, open_run

TYPED = ["pq", "--dashes=20", "--data-dir=D", "--run-dir=R", "--recipe=notebook", "--epochs=3", "--no-reverse"]
TOML = """
task = "pq"
dashes = 20
data-dir = "D"
run_dir = "R"
recipe = "notebook"
epochs = 3
reverse = false
"""


def parsed(*words: str) -> tuple[Setup, str, str]:
    """What is trained, and the two folders, for words behind ``train``."""
    args = ARITH_MODEL.parse(["train", *words])
    return call(set_up, typed_values(args, parameters_of(set_up))), args.data_dir, args.run_dir


@pytest.fixture
def options(tmp_path: Path) -> str:
    """The option that names a file with options."""
    (tmp_path / "run.toml").write_text(TOML)
    return f"--config={tmp_path / 'run.toml'}"


@pytest.mark.parametrize("further", [(), ("--epochs=5",), ("--data-dir=E", "--seed=4")])
def test_a_file_has_the_options_that_are_not_typed(further, options):
    assert parsed(options, *further) == parsed(*TYPED, *further)


def test_a_typed_task_replaces_that_of_the_file(options, tmp_path):
    (tmp_path / "run.toml").write_text('task = "pq"\nepochs = 3')
    folders = ["--data-dir=D", "--run-dir=R"]
    assert parsed("subtraction", options, *folders) == parsed("subtraction", "--epochs=3", *folders)


@pytest.mark.parametrize("name", ["config.json", ""])
def test_the_configuration_of_a_run_is_trained_again(name, tmp_path):
    run = open_run(f"{PRETRAINED}addition")
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    setup, data_dir, _ = parsed(f"--config={folder / name}", "--run-dir=R")
    assert (setup.task, setup.config, data_dir) == (run.task, run.config, run.data_dir)
    changed, *_ = parsed(f"--config={folder / name}", "--run-dir=R", "--seed=7", "--digits=4", "--num-examples=1000")
    assert changed.config == dataclasses.replace(run.config, seed=7)
    assert changed.task == Task("addition", size=4, num_examples=1000, draws=run.task.draws)


@pytest.mark.parametrize("content", ["epoch = 3", "epochs = ", 'epochs = "many"', pytest.param(None, id="missing")])
def test_a_file_of_something_else(content, tmp_path, input_error):
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_text(content)
    with input_error(InputError):
        parsed("pq", f"--config={path}", "--data-dir=D", "--run-dir=R")


def test_a_file_must_have_what_is_required(tmp_path, input_error):
    (tmp_path / "run.toml").write_text("epochs = 3")
    result = run_here("train", f"--config={tmp_path / 'run.toml'}", "--data-dir=D", main=main)
    assert result.returncode == 2
    input_error.printed(result.stderr)


def test_the_directory_of_datasets_may_be_that_of_tfds(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "E")
    assert parsed("pq", "--run-dir=R")[1] == "E"
    assert parsed("pq", "--run-dir=R", "--data-dir=D")[1] == "D"
