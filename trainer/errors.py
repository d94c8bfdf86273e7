"""What ends a program that could not know it beforehand."""

from pathlib import Path


class TrainingError(Exception):
    """A training, or what comes after it, cannot go on. The message says why, and what is left."""


class DivergedError(TrainingError):
    """The loss, or a weight, is no longer a number. The message says where, and which checkpoint is good."""


class WriteError(TrainingError):
    """A file or a folder cannot be written. The message says which and why; nothing of it is left."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}), and nothing of it was left; make room, or give another place"
        )


class LostMachineError(TrainingError):
    """Another machine of the cluster is gone. The message says how to go on."""
