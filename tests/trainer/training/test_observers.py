"""The observers of a training: a notebook's cell, Keras's callbacks, and TensorBoard's files."""

import csv
import types

import configs
import keras
import numpy as np
import pytest
import tensorflow as tf
from run_files import weights

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.training import devices, observers, session
from seq2seq_arith.trainer.training.loop import Loop

# Learners are made and traced once for all tests of this process.
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def train(data_dir, tasks, tmp_path):
    config = override(configs.COUNTER, epochs=2, steps_per_epoch=60, hidden=4)
    return lambda **how: session.train(
        tasks["pq"], str(data_dir), str(tmp_path / "run"), config, session.TrainOptions(**how)
    )


@pytest.mark.slow
def test_what_tensorboard_reads(train, tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = train(tensorboard=True).state.history
    for split, prefix in (("train", ""), ("validation", "val_")):
        events = accumulators.EventAccumulator(str(tmp_path / "run" / "tensorboard" / split))
        events.Reload()
        for key in ("loss", "exact_match"):
            tensors = events.Tensors(f"epoch_{key}")
            found = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in tensors]
            assert found == [(row["epoch"] - 1, pytest.approx(row[prefix + key])) for row in history]


def test_a_notebook_shows_the_last_epochs_and_samples_in_one_output():
    shown = {}
    output = types.SimpleNamespace(show=lambda part, text, markup="": shown.update({part: text}))
    done = [dict.fromkeys(history.COLUMNS, 0.0) | {"epoch": epoch, "steps": epoch} for epoch in range(1, 31)]
    cell = observers.Cell(output, 50, done[:-1])
    cell.on_epoch(done[-1], "ten answers")
    lines = shown["epochs"].splitlines()
    assert (lines[0], shown["samples"]) == ("epoch 30 of at most 50", "ten answers")
    assert [line.split()[0] for line in lines[3:]] == [str(epoch) for epoch in range(11, 31)]
    cell.on_epoch(done[-1] | {"round": 2}, "ten answers")
    assert shown["epochs"].startswith("round 2\n")


LOGS = ["loss", "character_accuracy", "exact_match"]
LOGS += [f"val_{name}" for name in LOGS]


class Witness(keras.callbacks.Callback):
    """Notes each call that it gets; stops the training after an epoch, counted from 0."""

    def __init__(self, stops_after: int | None = None) -> None:
        super().__init__()
        self.stops_after = stops_after
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("train begins", dict(self.params)))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch begins", epoch))

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("batch begins", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch ends", batch, logs))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch ends", epoch, logs))
        if epoch == self.stops_after:
            self.model.stop_training = True

    def on_test_begin(self, logs=None):
        self.calls.append(("test begins", None))

    def on_test_end(self, logs=None):
        self.calls.append(("test ends", None, logs))

    def on_train_end(self, logs=None):
        self.calls.append(("train ends", logs))


@pytest.fixture(scope="module")
def whole(data_dir, tasks, tmp_path_factory):
    """A training of two epochs with two callbacks; the second is a real one of Keras, which writes ``log.csv``."""
    folder, witness = tmp_path_factory.mktemp("whole"), Witness()
    callbacks = [witness, keras.callbacks.CSVLogger(str(folder / "log.csv"))]
    config = override(configs.COUNTER, epochs=2, steps_per_epoch=60, hidden=4)
    options = session.TrainOptions(callbacks=callbacks)
    trained = session.train(tasks["pq"], str(data_dir), str(folder / "run"), config, options)
    return trained, witness.calls, folder / "log.csv"


def test_callbacks_are_called_as_fit_calls_them(whole):
    trained, calls, log = whole
    history = trained.state.history
    assert calls[0] == ("train begins", {"epochs": 2, "steps": 60, "verbose": 1})
    kinds = [call[:2] for call in calls]
    for epoch, row in enumerate(history):
        first, last = kinds.index(("epoch begins", epoch)), kinds.index(("epoch ends", epoch))
        begins, ends = (
            [call for call in calls[first:last] if call[0] == f"batch {what}"] for what in ("begins", "ends")
        )
        # Each call of the learner takes some steps, and none is left out.
        assert len(begins) == len(ends) > 1
        assert [call[1] for call in begins] == [0, *(call[1] + 1 for call in ends[:-1])]
        assert ends[-1][1] == 59
        # The logs of the last one are the means over the epoch.
        assert ends[-1][2] == {name: pytest.approx(row[name], rel=1e-5) for name in LOGS[:3]}
        assert calls[last][2] == {name: row[name] for name in LOGS}
        score = {name: row[f"val_{name}"] for name in LOGS[:3]}
        assert calls[last - 2 : last] == [("test begins", None), ("test ends", None, score)]
    assert calls[-1] == ("train ends", {name: history[-1][name] for name in LOGS})
    with log.open() as file:
        logged = list(csv.DictReader(file))
    assert [float(row["val_exact_match"]) for row in logged] == [row["val_exact_match"] for row in history]


def test_a_callback_ends_the_training_and_the_run_may_go_on_later(train, whole):
    """With the weights of a run that never stopped."""
    stopped = train(callbacks=[Witness(stops_after=0)])
    assert (stopped.state.stopped, len(stopped.state.history)) == ("a callback stopped it", 1)
    assert stopped.run.summary.exists()
    witness = Witness()
    later = train(callbacks=[witness])
    assert [call[1] for call in witness.calls if call[0] == "epoch begins"] == [1]
    assert weights(later.run.last) == weights(whole[0].run.last)


def test_callbacks_see_and_change_the_learning_rate():
    seen = []
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["learning_rate"])),
    ]
    model, optimizer = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), keras.optimizers.Adam(0.5)
    watching = observers.Callbacks(callbacks, model, optimizer, epochs=2, steps=3)
    for epoch in range(2):
        watching.on_epoch_begin(epoch + 1)
        watching.on_call(0)
        watching.on_steps(0, {name: np.ones(3, np.float32) for name in LOGS[:3]})
        watching.on_validation()
        watching.on_epoch({"epoch": epoch + 1} | dict.fromkeys(LOGS, 0.0), "")
    assert seen == [0.25, 0.125]
    assert float(optimizer.learning_rate) == 0.125


def test_rounds_of_a_training_that_had_ended_are_a_training_to_callbacks(train, monkeypatch):
    """In each, only the validation set is scored. Without a round, there is no training."""
    train()
    witness, train_loop = Witness(), Loop.train
    train(callbacks=[witness])
    assert witness.calls == []

    def two_rounds(loop):
        for _ in range(2):
            loop.add_round(3, {name: np.ones(3, np.float32) for name in LOGS[:3]}, 1.0, 3)

    monkeypatch.setattr(Loop, "train", lambda loop, add_rounds: train_loop(loop, two_rounds))
    train(callbacks=[witness])
    kinds = [call[0] for call in witness.calls]
    assert kinds == ["train begins", *["epoch begins", "test begins", "test ends", "epoch ends"] * 2, "train ends"]
    assert [call[1] for call in witness.calls if call[0] == "epoch begins"] == [2, 3]


def test_callbacks_are_refused_on_several_machines(train, monkeypatch, tmp_path, input_error):
    monkeypatch.setattr(devices, "cluster", lambda: {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}})
    with input_error(InputError):
        train(callbacks=[Witness()])
    assert not (tmp_path / "run").exists()
