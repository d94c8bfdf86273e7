"""TensorBoard: scalars, the samples as text, and a profile of some steps; an extra."""

import importlib.util
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq_arith.pipelines import InputError

SCALARS = (
    ("loss", "loss"),
    ("character_accuracy", "character accuracy"),
    ("exact_match", "exact match"),
)


def check_installed() -> None:
    """Whether TensorBoard is there, which TensorFlow does not bring.

    Raises:
      InputError: It is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("TensorBoard is not installed; install seq2seq_arith[tensorboard], or leave out --tensorboard")


class Board:
    """Writes what TensorBoard shows into a folder: ``tensorboard --logdir FOLDER``.

    Args:
      folder: Where the event files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._splits = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "train"), ("val_", "validation"))
        }

    def epoch(self, row: dict[str, Any], samples: str) -> None:
        """One row of the history as scalars of both splits, and the table of samples as text."""
        for prefix, writer in self._splits.items():
            with writer.as_default(step=row["steps"]):
                for key, title in SCALARS:
                    tf.summary.scalar(title, row[prefix + key])
                if prefix:
                    tf.summary.text("samples", f"```\n{samples}\n```")
                else:
                    tf.summary.scalar("examples a second", row["examples_per_second"])
            writer.flush()

    def start_profile(self) -> None:
        tf.profiler.experimental.start(str(self.folder / "train"))

    def stop_profile(self) -> None:
        tf.profiler.experimental.stop()
