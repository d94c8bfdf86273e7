"""Observers of a training: they print its epochs, write for TensorBoard, and profile.

TensorBoard is an extra of the package; TensorFlow writes its files, but does not bring the program.
"""

import contextlib
import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.runs.history import METRICS, VALIDATION, epoch_line

WORTH_SAYING = 2  # minutes


class Observer:
    """Watches a training; its methods do nothing, and subclasses override those that they need."""

    @contextlib.contextmanager
    def on_call(self, first: int, count: int) -> Iterator[int]:
        """Surrounds a call of the learner.

        Args:
          first: The number of steps done before.
          count: The number of steps that the call would take.

        Yields:
          The number of steps that it takes, at least 1 and at most ``count``.
        """
        yield count

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        """Is called after an epoch with its row of the history and a table of sample answers."""

    def on_end(self) -> None:
        """Is called when the training has ended without an error."""


class Printer(Observer):
    """Prints each epoch.

    Args:
      epochs: The most epochs of the run.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        say(f"{epoch_line(row, self.epochs)}\n{samples}\n")


class Pace(Observer):
    """Says once how long an epoch lasts, as measured in the second call of the learner, if it lasts minutes.

    The first call also traces the model.

    Args:
      epoch_steps: The steps of an epoch.
      epochs: The most epochs of the run.
    """

    def __init__(self, epoch_steps: int, epochs: int) -> None:
        self.epoch_steps = epoch_steps
        self.epochs = epochs
        self._calls = 0

    @contextlib.contextmanager
    def on_call(self, first: int, count: int) -> Iterator[int]:
        self._calls += 1
        started = time.monotonic()
        yield count
        seconds = (time.monotonic() - started) / count
        minutes = seconds * self.epoch_steps / 60
        if self._calls == 2 and minutes >= WORTH_SAYING:
            lasting = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes:.0f} minutes"
            say(f"a step takes {seconds:.2g} s, and each of at most {self.epochs} epochs about {lasting}")


class Board(Observer):
    """Writes the history and the samples for TensorBoard, to be read with ``tensorboard --logdir FOLDER``.

    Args:
      folder: The folder of the event files.
    """

    def __init__(self, folder: Path) -> None:
        self._splits = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "train"), (VALIDATION, "validation"))
        }

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
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
    """Profiles one call of the learner for TensorBoard: the second, because the first traces the model.

    Args:
      folder: The folder of the event files, as for ``Board``.
      steps: The most steps to profile.
    """

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
    """Checks that TensorBoard is installed.

    Raises:
      InputError: It is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("TensorBoard is not installed; install seq2seq_arith[tensorboard], or leave out --tensorboard")
