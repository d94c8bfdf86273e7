"""What the programs and their libraries log: the options that show it, for both programs; and silence for Python."""

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.terminal import printable

LEVELS = ("critical", "error", "warning", "info", "debug")
QUIET = "critical"  # every failure is one sentence anyway, and Beam logs a traceback of each
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def be_quiet() -> None:
    """Shows nothing that libraries log, until ``start`` is called."""
    logging.basicConfig(level=QUIET.upper(), format=FORMAT)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Shows nothing that libraries log in the block; for callers whose log is not ours."""
    root, handler = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(handler)  # without any, the first warning would install one for good
    root.setLevel(QUIET.upper())
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def add_log_options(parser: Any) -> None:
    """Adds ``--log-level`` and ``--log-file``."""
    group = parser.add_argument_group("the log", "What Beam, TensorFlow and other libraries say while they work.")
    group.add_argument("--log-level", choices=LEVELS, help="what is logged (default: critical, with --log-file: info)")
    group.add_argument("--log-file", metavar="FILE", help="append the log to this file instead of standard error")


def start(program: str, arguments: argparse.Namespace) -> None:
    """Logs as the options say.

    Args:
      program: The program's name.
      arguments: Its arguments.

    Raises:
      InputError: The file cannot be written.
    """
    root = logging.getLogger()
    root.setLevel((arguments.log_level or (QUIET if arguments.log_file is None else "info")).upper())
    if arguments.log_file is None:
        return
    path = expanded(arguments.log_file)
    try:
        handler = _LogFile(program, _regular(path))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--log-file is {path}, which cannot be written: {reason}; give another file") from None
    handler.setFormatter(logging.Formatter(FORMAT))
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)


class _LogFile(logging.FileHandler):
    """A log that ends with one sentence when it cannot be written any longer: the work is worth more than its log.

    Args:
      program: The program's name, which stands before the sentence.
      path: The file.
    """

    def __init__(self, program: str, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._program = program

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            return  # a library has given values that do not fit its line
        root = logging.getLogger()
        if self not in root.handlers:
            return  # it was said before
        root.addHandler(logging.NullHandler())  # without any, Python would log to standard error
        root.removeHandler(self)
        with contextlib.suppress(OSError):  # what is left to be written fails once more
            self.close()
        why = f"--log-file is {self.baseFilename}, which cannot be written any longer: {error.strerror or error}"
        with contextlib.suppress(OSError):
            print(f"{self._program}: {printable(why)}; nothing more is logged", file=sys.stderr)


def _regular(path: Path) -> Path:
    """The path, if a log can be appended there without waiting for a reader."""
    if path.is_fifo():
        raise OSError(None, "it is a pipe")
    return path
