"""All errors that the programs print as one sentence, without a traceback.

A full disk is Python's own ``OSError``. Ctrl-C and SIGTERM are ``KeyboardInterrupt``: exit code 130.
Internal functions raise them also where they do not say so.
"""

from pathlib import Path
from typing import Any

LONGEST_VALUE, CUT_TO = 300, 60  # characters; the name of a file has at most 255 bytes


def shown(value: Any) -> str:
    """A value as a refusal quotes it: cut if it is so long that it would hide the sentence.

    >>> shown("9" * 5000) == "'" + "9" * 59 + "…"
    True
    """
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:CUT_TO]}…"


class _OneSentence:
    """An error that IPython and Jupyter show as one sentence, too: they call ``_render_traceback_``."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class InputError(ValueError, _OneSentence):
    """Input that cannot be used.

    The message is one sentence that says what was given, what is allowed and what to do. The programs print it
    without a traceback and exit with code 2.
    """


class RunError(RuntimeError, _OneSentence):
    """A run that failed although its input was right; the message is one sentence. The exit code is 1."""


class StoreError(RunError):
    """An object store fails, or cannot be reached."""


class PublishedError(RunError):
    """A dataset is complete, but a step after publishing it failed."""


class RunnerError(RunError):
    """Beam's runner cannot be started, or gave the job up; the message says why, as far as the runner did."""


class SweepError(RunError):
    """Some runs of a sweep failed; the others have their results."""


class TrainingError(RunError):
    """A training, or what comes after it, cannot go on. The message says why, and what is left."""


class DivergedError(TrainingError):
    """The loss, or a weight, is no longer a number. The message says where, and which checkpoint is good."""


class WriteError(TrainingError):
    """A file or a folder cannot be written. The message says which and why; nothing of it is left."""

    def __init__(self, path: Path | str, reason: object) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}), and nothing of it was left; make room, or give another place"
        )


class LostMachineError(TrainingError):
    """Another machine of the cluster is gone. The message says how to go on."""
