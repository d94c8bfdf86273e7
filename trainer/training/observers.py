"""Observers of a training: they show its epochs, write for TensorBoard, profile, and drive Keras's callbacks.

TensorBoard is an extra of the package; TensorFlow writes its files, but does not bring the program.
"""

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.base import events, progress
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import Table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.runs.history import COLUMNS, METRICS, VALIDATION, epoch_lines

EPOCHS_SHOWN = 20  # in a notebook


class Observer:
    """Watches a training; its methods do nothing, and subclasses override those that they need."""

    @contextlib.contextmanager
    def on_call(self, first: int, count: int) -> Iterator[int]:
        """Surrounds a call of the learner after ``first`` steps; yields how many it takes, from 1 to ``count``."""
        yield count

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        """Is called after a call of the learner, with float32 [steps] for each of ``history.METRICS``."""

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        """Is called after an epoch with its row of the history, and a table of sample answers.

        ``waiting`` says how near the training is to stopping early; it is empty if the validation loss fell.
        """

    def reason_to_stop(self) -> str:
        """Why the training should end, asked after each epoch; empty if it may go on."""
        return ""

    def on_end(self) -> None:
        """Is called when the training has ended without an error."""


class Printer(Observer):
    """Prints each epoch of at most so many."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        patience = [f"patience    {waiting}"] if waiting else []
        say("\n".join([epoch_lines(row, self.epochs), *patience, samples, ""]))


class Events(Observer):
    """Tells other programs of each epoch."""

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        events.emit("epoch", **row)


class Cell(Observer):
    """Shows the last epochs, and the last samples, in one output of a notebook's cell."""

    def __init__(self, output: progress.Output, epochs: int, history: Sequence[dict[str, Any]]) -> None:
        self._output = output
        self._epochs = epochs
        self._rows = list(history)

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        self._rows.append(row)
        columns = [name for name in COLUMNS if name != "steps"]
        title = f"epoch {row['epoch']} of at most {self._epochs}{waiting and f': {waiting}'}"
        shown = Table(self._rows[-EPOCHS_SHOWN:], columns, title)
        self._output.show("epochs", repr(shown), shown._repr_html_())
        self._output.show("samples", samples)


class Callbacks(Observer):
    """Drives Keras's callbacks as ``fit`` does with ``steps_per_execution``.

    ``on_train_batch_begin`` and ``on_train_batch_end`` are called once per call of the learner, which takes some steps:
    with the number of the first of them within its epoch, and of the last, counted from 0. The logs there are the means
    over the epoch so far. Those of ``on_epoch_end`` are the metrics of ``history.METRICS``, also with ``val_`` before
    their names. If a callback sets ``model.stop_training``, the training ends after the epoch.

    The callbacks see the model with its optimizer, so that they can read and change a constant learning rate.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        epoch_steps: int,
        epochs: int,
    ) -> None:
        self._model: Any = model
        self._model.optimizer = optimizer
        self._model.stop_training = False
        self._list = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, steps=epoch_steps)
        self._epoch_steps = epoch_steps
        self._epoch: int | None = None  # that has begun; None before the training has
        self._steps = 0  # whose metrics are in the sums
        self._sums: dict[str, float] = {}
        self._logs: dict[str, float] = {}

    @contextlib.contextmanager
    def on_call(self, first: int, count: int) -> Iterator[int]:
        epoch, step = divmod(first, self._epoch_steps)
        if self._epoch is None:
            self._list.on_train_begin()
        if self._epoch != epoch:
            self._epoch, self._steps, self._sums = epoch, 0, dict.fromkeys(METRICS, 0.0)
            self._list.on_epoch_begin(epoch)
        self._list.on_train_batch_begin(step)
        yield count

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        self._steps += len(outcomes[METRICS[0]])
        self._sums = {name: total + float(np.sum(outcomes[name])) for name, total in self._sums.items()}
        self._logs = {name: total / self._steps for name, total in self._sums.items()}
        last = first % self._epoch_steps + len(outcomes[METRICS[0]]) - 1
        self._list.on_train_batch_end(last, dict(self._logs))

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        self._logs = {prefix + name: row[prefix + name] for prefix in ("", VALIDATION) for name in METRICS}
        self._list.on_epoch_end(row["epoch"] - 1, dict(self._logs))

    def reason_to_stop(self) -> str:
        return "a callback stopped it" if self._model.stop_training else ""

    def on_end(self) -> None:
        if self._epoch is not None:
            self._list.on_train_end(dict(self._logs))


class Board(Observer):
    """Writes the history and the samples for TensorBoard, to be read with ``tensorboard --logdir FOLDER``."""

    def __init__(self, folder: Path) -> None:
        self._splits = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "train"), (VALIDATION, "validation"))
        }

    def on_epoch(self, row: dict[str, Any], samples: str, waiting: str) -> None:
        for prefix, writer in self._splits.items():
            with writer.as_default(step=row["steps"]):
                for name in METRICS:
                    tf.summary.scalar(name.replace("_", " "), row[prefix + name])
                if prefix == VALIDATION:
                    tf.summary.text("samples", f"```\n{samples}\n```")
                else:
                    tf.summary.scalar("examples per second", row["examples_per_second"])
            writer.flush()


class Profiler(Observer):
    """Profiles at most so many steps for TensorBoard: those of the second call, because the first traces the model."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        self.steps = steps
        self._calls = 0

    @contextlib.contextmanager
    def on_call(self, first: int, count: int) -> Iterator[int]:
        self._calls += 1
        if self._calls != 2:
            yield count
            return
        count = min(count, self.steps)
        tf.profiler.experimental.start(str(self.folder / "train"))
        try:
            yield count
        finally:
            tf.profiler.experimental.stop()
        say(f"profiled: {count} steps, from step {first + 1:,} on")

    def on_end(self) -> None:
        if self._calls < 2:
            say("note: no step was profiled: the run was finished, or ended with its first call, which is not profiled")


def check_installed() -> None:
    """Checks that TensorBoard is installed; raises InputError if it is not."""
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("TensorBoard is not installed; install seq2seq_arith[tensorboard], or leave out --tensorboard")
