"""Training from Python: the same input errors, datasets and weights as of the program."""

import inspect
import types
from pathlib import Path

import keras
from programs import python
from run_files import weights

import seq2seq_arith as sa
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import session


def test_the_signature_shows_every_option_with_its_type():
    """From which notebooks complete them; they are those of the command, and of the fields that they set."""
    shown = inspect.signature(sa.train).parameters
    fields = {**parameters_of(sa.ModelConfig), **parameters_of(sa.TrainConfig), **PARAMETERS}
    renamed = {"name": "model"}
    assert {*shown} >= {renamed.get(name, name) for name in fields} | {"recipe", "data_seed"}
    kinds = {
        "input_format": str | None,
        "epochs": int | None,
        "dashes": int | None,
        "xla": bool | None,
        "dropout": float | None,
    }
    assert {name: shown[name].annotation for name in kinds} == kinds
    assert {*inspect.signature(sa.generate).parameters} == {"dataset", "data_dir", "task_file", *PARAMETERS}
    assert {"per_slice", "seed", "set", "version", "digits", "dashes"} < {*inspect.signature(sa.suite).parameters}


def test_a_foreign_backend_of_keras_is_refused_and_the_program_sets_its_own(tmp_path):
    code = """
import os, sys
import seq2seq_arith as sa
from seq2seq_arith.trainer.__main__ import main
for call in (lambda: sa.train("pq"), lambda: sa.open_run("pretrained:addition").inspect("1+1")):
    try:
        call()
    except sa.InputError as error:
        print(error)
print(main(["runs", "."]), os.environ["KERAS_BACKEND"], "keras" in sys.modules)
"""
    message = "Keras's backend is jax, and this package needs tensorflow; unset KERAS_BACKEND and start again"
    printed = python(code, cwd=tmp_path, KERAS_BACKEND="jax")
    assert printed.splitlines() == [message, message, "2 tensorflow False"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_named_is_made_and_trained_on(tmp_path, monkeypatch):
    """A task's name is the recipe's dataset; the task's own is the one that ``generate`` makes."""
    trained = []

    def train(task, data_dir, run_dir, config, options):
        trained.append((task, run_dir, config.model.name, config.seed))
        return types.SimpleNamespace(run=Run(Path(run_dir), task, "", data_dir, config))

    monkeypatch.setattr(session, "train", train)
    monkeypatch.chdir(tmp_path)
    small = {"digits": 2, "num_examples": 300}
    sa.generate("addition", **small)
    sa.train("addition", model="gru", input_format="plain", seed=7, **small)
    sa.train("addition-d2-n300-s1", recipe="notebook", run_dir="runs/other")
    assert trained == [
        (Task("addition", 2, 300, draws="structured"), "runs/addition", "gru", 7),
        (Task("addition", 2, 300, seed=1), "runs/other", "lstm", 0),
    ]
    made = sorted(path.name for path in (tmp_path / "data" / "seq2seq_arith").glob("addition*"))
    assert made == ["addition-d2-n300", "addition-d2-n300-s1", "addition-d2-n300-structured"]


def test_a_training_can_be_silent(data, tmp_path, capfd):
    """And it takes a single callback, also one that draws bars of its own."""
    how = {"run_dir": tmp_path / "run", "callbacks": keras.callbacks.ProgbarLogger(), "verbose": 0}
    run = sa.train(data, recipe="notebook", model="simple_rnn", hidden=4, steps_per_epoch=2, epochs=1, **how)
    shown = capfd.readouterr()
    assert "2/2" in shown.out
    run.resume(epochs=2, verbose=0)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    assert len(run.history) == 2


def test_what_the_program_began_goes_on_in_python_to_the_same_weights(small, data_dir, tmp_path):
    """As if all had been trained from Python, in one go; so both have the same settings."""
    settings = ("recipe=notebook", "model=simple_rnn", "hidden=8", "steps-per-epoch=8", "patience=0", "epochs=1")
    words = [f"--{name}" for name in settings]
    command = ["train", "addition", f"--data-dir={data_dir}", f"--run-dir={tmp_path / 'run'}", *words]
    assert main([*command, "--num-examples=1003"]) == 0
    summary = (tmp_path / "run/summary.json").read_bytes()  # with the worst slice, which a repetition does not ask
    assert main([*command, "--num-examples=1003", "--no-suite"]) == 0
    assert (tmp_path / "run/summary.json").read_bytes() == summary and b"scores" in summary
    run = sa.open_run(tmp_path / "run").resume(epochs=2)
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert weights(run.run.last) == weights(small.run.last)
