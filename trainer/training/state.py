"""The state of a training, and when it ends."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs.history import METRICS, rank

LEARNED = 0.99  # from this exact match on, a run that took all of its epochs needs no advice


@dataclasses.dataclass
class State:
    """The state of a training; it is saved with every checkpoint.

    A new field needs a default with which an older run resumes as it would have without the field.
    """

    step: int = 0  # the number of steps done so far
    # For each of ``METRICS``, its sum over the steps of this epoch.
    sums: dict[str, float] = dataclasses.field(default_factory=lambda: dict.fromkeys(METRICS, 0.0))
    epoch_seconds: float = 0.0  # training seconds of this epoch so far
    seconds: float = 0.0  # seconds of the whole run so far, evaluations included
    cpu_seconds: float = 0.0  # the same of the processors of this machine
    stalled: int = 0  # epochs in a row whose validation loss fell too little
    best_epoch: int = 0  # the best epoch so far, as ``history.best`` has it; 0 before the first
    stage: int = 0  # the stage of the curriculum; 0 without one
    # The sum of the exact matches of the batches since the last window of the curriculum ended.
    right: float = 0.0
    stopped: str = ""  # why the run has ended; empty while it has not
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # one row per epoch, as ``history.COLUMNS``

    def add(self, outcomes: Mapping[str, np.ndarray]) -> None:
        """Adds training steps, whose outcomes are float32 [steps] per metric.

        Step by step: the sums are the same, bit by bit, however the steps are divided into calls.
        """
        self.step += len(outcomes["loss"])
        for name, values in outcomes.items():
            self.sums[name] = _added(self.sums[name], values)
        self.right = _added(self.right, outcomes["exact_match"])

    def close_window(self, stages: int, right: float, window: int) -> bool:
        """Ends a window of the curriculum if the last step was that of one; returns whether a new stage begins.

        One does if the mean exact match of ``window`` steps is above ``right``, unless it was the last of the
        ``stages``.
        """
        if self.step % window:
            return False
        grows = self.stage < stages - 1 and self.right > right * window
        self.stage, self.right = self.stage + grows, 0.0
        return grows

    def close_epoch(self, row: dict[str, Any], min_delta: float) -> bool:
        """Ends an epoch with its row of the history; returns whether it is the best so far."""
        fell = self.history[-1]["val_loss"] - row["val_loss"] if self.history else np.inf
        self.history.append(row)
        self.sums, self.epoch_seconds = dict.fromkeys(METRICS, 0.0), 0.0
        self.stalled = self.stalled + 1 if fell < min_delta else 0
        is_best = not self.best_epoch or rank(row) > rank(self.history[self.best_epoch - 1])
        if is_best:
            self.best_epoch = len(self.history)
        return is_best


def reason_to_stop(state: State, config: TrainConfig) -> str:
    """Why the run ends after this epoch; empty if it continues. After a round, it is the reason of the last epoch."""
    if state.history[-1].get("round"):
        return state.stopped
    end, epochs, patience = _end(state, config), config.epochs, config.patience
    if end == "target":
        return f"the exact match reached {config.target:g}"
    if end == "patience":
        return f"the validation loss hardly fell for {patience} epoch{'s in a row' if patience > 1 else ''}"
    if end == "epochs":
        return f"all {epochs} epochs are done" if epochs > 1 else "its only epoch is done"
    return ""


def how_to_train_longer(state: State, config: TrainConfig) -> str:
    """What to change so that a run that has ended trains longer; empty if it has learned its task."""
    if state.history[-1].get("round"):
        return ""
    end = _end(state, config)
    again = "to train longer, run the same command"
    if end == "target":
        return f"{again} without --target {config.target:g}, or with a higher one"
    if end == "patience":
        return f"{again} with --patience 0, which never stops early, or with more than --patience {config.patience}"
    if not end:  # a callback has ended it
        return again
    if not state.best_epoch or state.history[state.best_epoch - 1]["val_exact_match"] >= LEARNED:
        return ""
    longer = f"--epochs {2 * config.epochs}"
    if config.fits_more_epochs:
        return f"{again} with {longer}"
    return f"some of its options depend on --epochs: to train longer, give {longer} and another --run-dir"


def _end(state: State, config: TrainConfig) -> str:
    """The option that ends the run after this epoch; empty if none does."""
    if config.target is not None and state.history[-1]["val_exact_match"] >= config.target:
        return "target"
    if config.patience and state.stalled >= config.patience:
        return "patience"
    return "epochs" if len(state.history) >= config.epochs else ""


def _added(total: float, values: np.ndarray) -> float:
    """The sum of a total and some values, one after the other."""
    return np.cumsum([total, *values], dtype=np.float64)[-1].item()
