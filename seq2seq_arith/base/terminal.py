"""What both programs share in a terminal: exit codes, signals, failures in one sentence, the log, and names to type."""

import contextlib
import dataclasses
import functools
import io
import logging
import os
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from seq2seq_arith.base import events, process
from seq2seq_arith.base.errors import InputError, PublishedError, RunError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.options import GENERAL, Option

SUCCESS, FAILURE, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEVELS = ("critical", "error", "warning", "info", "debug")
QUIET = "critical"  # every failure is one sentence anyway, and Beam logs a traceback of each
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}  # by their numbers
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Formatter(logging.Formatter):
    """Without the secrets of the command."""

    def format(self, record: logging.LogRecord) -> str:
        return events.hidden(super().format(record))


@dataclasses.dataclass
class Outcome:
    """The end of a program's work, which the work may set."""

    code: int = SUCCESS  # the exit code
    # The sentence after Ctrl-C, SIGTERM, or the end of the terminal, unless the KeyboardInterrupt has its own.
    stopped: str = "stopped"


@contextlib.contextmanager
def program(name: str, words: Sequence[str]) -> Iterator[Outcome]:
    """Surrounds a program's work with these words: an error or a signal becomes one sentence and an exit code.

    The code is 2 for input that cannot be used, 130 if a signal stopped the work, and 1 for another failure. Errors
    that are ours to mend pass. At the end, the signals have the handlers again that they had before.
    """
    outcome = Outcome()
    with process.new_command():
        events.hide(words)
        _open_streams()
        root = logging.getLogger()
        level, handlers = root.level, [*root.handlers]
        handler = logging.StreamHandler()
        handler.setFormatter(_Formatter(FORMAT))
        logging.basicConfig(level=QUIET.upper(), handlers=[handler])
        before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOP_SIGNALS}
        try:
            for number, handler in before.items():
                if number != signal.SIGHUP or handler != signal.SIG_IGN:  # nohup ignores that one
                    signal.signal(number, signal.default_int_handler)
            yield outcome
            sys.stdout.flush()  # here, where a failure is a sentence
        except KeyboardInterrupt as stop:
            outcome.code = fail(name, str(stop) or outcome.stopped, INTERRUPTED)
        except InputError as error:
            outcome.code = fail(name, str(error), USAGE_ERROR)
        except RunError as error:
            is_stopped = isinstance(error, PublishedError) and isinstance(error.__cause__, KeyboardInterrupt)
            outcome.code = fail(name, str(error), INTERRUPTED if is_stopped else FAILURE)
        except Exception as error:
            outcome.code = FAILURE
            if is_short_of_memory(error):
                fail(name, f"{TOO_LITTLE_MEMORY}, or less to do")
            elif isinstance(error, OSError):
                _fail_with_file(name, error)
            else:
                raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            root.setLevel(level)
            root.handlers[:] = handlers
            events.finish(outcome.code)


def _open_streams() -> None:
    """Opens the null device for closed streams, whose numbers the next files would get, and prints ? for odd marks."""
    while (number := os.open(os.devnull, os.O_RDWR)) < len(STREAMS):
        pass
    os.close(number)
    for number, (name, mode) in enumerate(STREAMS.items()):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail_with_file(name: str, error: OSError) -> None:
    """Says which file could not be used; one without a name is standard output."""
    reason = error.strerror or str(error)
    if error.filename or isinstance(error, FileNotFoundError):  # without a name: no folder for temporary files
        fail(name, f"{error.filename}: {reason}" if error.filename else reason)
        return
    with contextlib.suppress(OSError):  # a stream that is not a file
        # Python would complain once more when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), events.output().fileno())
    if not isinstance(error, BrokenPipeError):  # the reader has seen enough
        fail(name, f"standard output: {reason}")


def fail(name: str, message: str, code: int = FAILURE) -> int:
    """Prints a failure to standard error in one line; returns the exit code."""
    message = events.hidden(printable(message))
    with contextlib.suppress(OSError):  # a full or closed stream: the code says it all the same
        print(f"{name}: {message}", file=sys.stderr)
    with contextlib.suppress(OSError):
        events.emit("error", message=message, exit_code=code)
    return code


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignores the signals that stop a program in the block, which cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt the main thread only
        return
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def start_log(
    *,
    log_level: Annotated[
        str | None,
        Option(
            "level of the log of Beam, TensorFlow and other libraries",
            choices=LEVELS,
            default_text="critical, with --log-file: info",
            group=GENERAL,
        ),
    ] = None,
    log_file: Annotated[
        str | None,
        Option("append the log to this file instead of standard error", metavar="FILE", group=GENERAL),
    ] = None,
) -> None:
    """Logs as the options say. A log that can no longer be written ends; the work goes on."""
    root = logging.getLogger()
    root.setLevel((log_level or (QUIET if log_file is None else "info")).upper())
    if log_file is None:
        return
    path = expanded(log_file)
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--log-file is {path}, which cannot be written: {reason}; give another file") from None
    handler.handleError = lambda record: None
    handler.setFormatter(_Formatter(FORMAT))
    root.handlers[:] = [handler]


@contextlib.contextmanager
def silent_log() -> Iterator[None]:
    """Shows nothing that libraries log in the block, for callers that have a log of their own."""
    root, handler = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(handler)  # without any, the first warning would install one for good
    root.setLevel(QUIET.upper())
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def terminal_width() -> int:
    """Characters of a line of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def wrapped(text: str) -> str:
    """Prose in lines that end between words in a terminal; as it is for a file or another program. Tables stay."""
    if not sys.stdout.isatty():
        return text
    fill = functools.partial(textwrap.fill, width=terminal_width(), break_long_words=False, break_on_hyphens=False)
    return "\n".join(line if "  " in line else fill(line) for line in text.split("\n"))


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Lets ``say`` print nothing, and shows no progress, in this thread and in the block."""
    with process.override(is_silent=True):
        yield


def say(text: str = "") -> None:
    """Prints a line to standard output at once, above the bars that a terminal shows."""
    if process.current().is_silent:
        return
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(text)
        sys.stdout.flush()
    else:
        print(text, flush=True)


def as_typed(program: str = "") -> str:
    """How a person types one of our programs here, or the Python that runs: by its name if the shell finds it so.

    Links are not followed: those of two environments may lead to the same file.
    """
    running = Path(sys.executable or "python")
    path = running.with_name(program) if program else running
    found = shutil.which(path.name)
    if not path.is_file() or (found and Path(found) == path):
        return path.name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def printable(text: object) -> str:
    r"""A path or a message on one line: what cannot be printed is written as in Python, such as ``\n``.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))
