"""Observers of a training: they show its epochs, and drive Keras's callbacks."""

from collections.abc import Sequence
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

    def on_epoch_begin(self, epoch: int) -> None:
        """Is called before an epoch begins or resumes, with its number from 1; and before a round is scored."""

    def on_call(self, first: int) -> None:
        """Is called before a call of the learner, after ``first`` steps of the epoch."""

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        """Is called after a call of the learner, with float32 [steps] for each of ``history.METRICS``."""

    def on_validation(self) -> None:
        """Is called before the validation set is scored after an epoch or a round."""

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        """Is called after an epoch with its row of the history, and a table of sample answers."""

    def reason_to_stop(self) -> str:
        """Why the training should end, called after each epoch; empty if it may continue."""
        return ""

    def on_end(self) -> None:
        """Is called when the training has ended without an error."""


class Printer(Observer):
    """Prints each of at most ``epochs`` epochs: the first ones and the last in full, the others in a line."""

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

    The callbacks see the model with its optimizer, so that they can read and change a constant learning rate. An epoch
    has so many ``steps``, or the first one has, if not all are equally long.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        epochs: int,
        steps: int,
    ) -> None:
        self._model: Any = model
        self._model.optimizer = optimizer
        self._model.stop_training = False
        params: dict[str, Any] = {"epochs": epochs, "steps": steps, "verbose": 1}  # ProgbarLogger requires all of them
        self._list = keras.callbacks.CallbackList(list(callbacks), model=model, **params)
        self._has_begun = False
        self._steps = 0  # whose metrics are in the sums
        self._sums: dict[str, float] = {}
        self._logs: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int) -> None:
        if not self._has_begun:  # and not before: of a run that is finished, CSVLogger would empty the file
            self._has_begun = True
            self._list.on_train_begin()
        self._steps, self._sums = 0, dict.fromkeys(METRICS, 0.0)
        self._list.on_epoch_begin(epoch - 1)

    def on_call(self, first: int) -> None:
        self._list.on_train_batch_begin(first)

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        steps = len(outcomes[METRICS[0]])
        self._steps += steps
        self._sums = {name: total + float(np.sum(outcomes[name])) for name, total in self._sums.items()}
        self._logs = {name: total / self._steps for name, total in self._sums.items()}
        self._list.on_train_batch_end(first + steps - 1, dict(self._logs))

    def on_validation(self) -> None:
        self._list.on_test_begin()

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        self._list.on_test_end({name: row[VALIDATION + name] for name in METRICS})
        self._logs = {prefix + name: row[prefix + name] for prefix in ("", VALIDATION) for name in METRICS}
        self._list.on_epoch_end(row["epoch"] - 1, dict(self._logs))

    def reason_to_stop(self) -> str:
        return "a callback stopped it" if self._model.stop_training else ""

    def on_end(self) -> None:
        if self._has_begun:
            self._list.on_train_end(dict(self._logs))
