"""Observers of a training: they show its epochs, and drive Keras's callbacks."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from seq2seq_arith.base import progress
from seq2seq_arith.base.tables import Table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.runs.history import METRICS, VALIDATION, epoch_line, epoch_lines

EPOCHS_SHOWN = 20  # in a notebook
COLUMNS_SHOWN = ("epoch", "loss", "val_loss", "val_exact_match")
IN_FULL = 3  # epochs that are printed with answers


class Observer:
    """Watches a training; its methods do nothing, and subclasses override those that they need."""

    def on_call(self, first: int) -> None:
        """Is called before a call of the learner, after ``first`` steps."""

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        """Is called after a call of the learner, with float32 [steps] for each of ``history.METRICS``."""

    def on_validation(self) -> None:
        """Is called before the validation set is scored after an epoch."""

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        """Is called after an epoch with its row of the history, and a table of sample answers."""

    def reason_to_stop(self) -> str:
        """Why the training should end, asked after each epoch; empty if it may go on."""
        return ""

    def on_end(self) -> None:
        """Is called when the training has ended without an error."""


class Printer(Observer):
    """Prints each epoch of at most so many: the first ones and the last in full, the others in a line."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._shown = 0
        self._last = ""  # the last epoch in full, if it was not printed so

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        self._shown += 1
        in_full = "\n".join([epoch_lines(row, self.epochs), samples, ""])
        self._last = in_full if self._shown > IN_FULL else ""
        say(epoch_line(row, self.epochs) if self._last else in_full)

    def on_end(self) -> None:
        if self._last:
            say(f"\n{self._last}")


class Cell(Observer):
    """Shows the last epochs, and the last samples, in one output of a notebook's cell."""

    def __init__(self, output: progress.Output, epochs: int, history: Sequence[dict[str, Any]]) -> None:
        self._output = output
        self._epochs = epochs
        self._rows = list(history)

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        self._rows.append(row)
        title = f"round {row['round']}" if row["round"] else f"epoch {row['epoch']} of at most {self._epochs}"
        shown = Table(self._rows[-EPOCHS_SHOWN:], COLUMNS_SHOWN, title)
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
        epoch_end: Callable[[int], int],
        epochs: int,
    ) -> None:
        self._model: Any = model
        self._model.optimizer = optimizer
        self._model.stop_training = False
        how: dict[str, Any] = {"epochs": epochs, "steps": epoch_end(1), "verbose": 1}  # ProgbarLogger asks for all
        self._list = keras.callbacks.CallbackList(list(callbacks), model=model, **how)
        self._epoch_end = epoch_end  # from the number of an epoch, the first is 1, to the steps until its end
        self._epoch: int | None = None  # that has begun; None before the training has
        self._steps = 0  # whose metrics are in the sums
        self._sums: dict[str, float] = {}
        self._logs: dict[str, float] = {}

    def on_call(self, first: int) -> None:
        epoch = self._epoch or 0
        while first >= self._epoch_end(epoch + 1):
            epoch += 1
        if self._epoch is None:
            self._list.on_train_begin()
        if self._epoch != epoch:
            self._epoch, self._steps, self._sums = epoch, 0, dict.fromkeys(METRICS, 0.0)
            self._list.on_epoch_begin(epoch)
        self._list.on_train_batch_begin(first - self._epoch_end(epoch))

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        self._steps += len(outcomes[METRICS[0]])
        self._sums = {name: total + float(np.sum(outcomes[name])) for name, total in self._sums.items()}
        self._logs = {name: total / self._steps for name, total in self._sums.items()}
        last = first - self._epoch_end(self._epoch or 0) + len(outcomes[METRICS[0]]) - 1
        self._list.on_train_batch_end(last, dict(self._logs))

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        if not self._steps:  # a round, whose steps are not shown
            self._list.on_epoch_begin(row["epoch"] - 1)
            self._list.on_test_begin()
        self._list.on_test_end({name: row[VALIDATION + name] for name in METRICS})
        self._logs = {prefix + name: row[prefix + name] for prefix in ("", VALIDATION) for name in METRICS}
        self._list.on_epoch_end(row["epoch"] - 1, dict(self._logs))
        self._steps = 0

    def on_validation(self) -> None:
        if self._epoch is None:  # rounds of a training that had ended before
            self._epoch = 0
            self._list.on_train_begin()
        if self._steps:
            self._list.on_test_begin()

    def reason_to_stop(self) -> str:
        return "a callback stopped it" if self._model.stop_training else ""

    def on_end(self) -> None:
        if self._epoch is not None:
            self._list.on_train_end(dict(self._logs))
