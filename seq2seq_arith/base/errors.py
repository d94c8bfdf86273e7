"""All errors that the programs print as one sentence, without a traceback.

A full disk is Python's own ``OSError``. Ctrl-C and SIGTERM are ``KeyboardInterrupt``: exit code 130.
Internal functions may raise them without documenting it.
"""

from pathlib import Path
from typing import Any

LONGEST_VALUE, CUT_TO = 300, 60  # characters; the name of a file has at most 255 bytes


def shown(value: Any) -> str:
    """A value as an input error quotes it, truncated if it is too long for a sentence.

    >>> shown("9" * 5000) == "'" + "9" * 59 + "…"
    True
    >>> len(shown("9" * 298)), len(shown("9" * 299))
    (300, 61)
    """
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:CUT_TO]}…"


class _OneSentence:
    """An error that IPython and Jupyter also show as one sentence: they call ``_render_traceback_``."""

    is_retryable = False  # whether the same command may succeed later, with nothing changed: exit code 75

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class InputError(ValueError, _OneSentence):
    """Input that cannot be used.

    The message is one sentence that states the wrong value, what is allowed and what to do. The programs print it
    without a traceback and exit with code 2.
    """


class BusyError(InputError):
    """Another process has what this one needs: the lock of a folder, or a dataset in a store. The exit code is 75."""

    is_retryable = True


class RunError(RuntimeError, _OneSentence):
    """A run that failed although its input was valid; the message is one sentence. The exit code is 1."""


class StoreError(RunError):
    """An object store fails."""


class UnavailableError(StoreError):
    """An object store cannot be reached, or is too busy, also after all retries. The exit code is 75."""

    is_retryable = True


class PublishedError(RunError):
    """A dataset is complete, but a step after publishing it failed."""


class RunnerError(RunError):
    """Beam's runner cannot be started, or its job failed; the message contains the runner's reason, if it has one."""


class SweepError(RunError):
    """Some runs of a sweep failed; the others have their results."""


class TrainingError(RunError):
    """A training, or a later step, cannot continue. The message states the reason, and which files remain."""


class DivergedError(TrainingError):
    """The loss or a weight is not finite. The message states where, and which checkpoint is valid."""


class WriteError(TrainingError):
    """A file or a folder cannot be written. The message names it and the reason; no part of it remains."""

    def __init__(self, path: Path | str, reason: object) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}), and no part of it remains; free some space, or give another path"
        )


class LostMachineError(TrainingError):
    """Another machine of the cluster stopped. The message states how to resume. The exit code is 75."""

    is_retryable = True
