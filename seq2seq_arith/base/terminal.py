"""Parts of both programs: exit codes, signals, failures in one sentence, the log, and names as a person types them."""

import codecs
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
from typing import IO, Annotated

from seq2seq_arith.base import events, process
from seq2seq_arith.base.errors import InputError, PublishedError, RunError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.options import GENERAL, Option

SUCCESS, FAILURE, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h: a scheduler may run the same command again
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEVELS = ("critical", "error", "warning", "info", "debug")
QUIET = "critical"  # every failure is one sentence anyway, but Beam logs a traceback of each
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}  # in the order of their file descriptors
RED, GREEN = 31, 32  # of ``colored``
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Where the encoding of a terminal lacks them: the text that stands for a character; for any other one, a question mark.
IN_ASCII = {"✓": "ok", "✗": "wrong", "␣": "_", "█": "1", "·": ".", "×": "x", "…": "...", "−": "-", "–": "-", "≥": ">="}
ENCODING_ERRORS = "seq2seq_arith.ascii"  # the name of their handler


class _Formatter(logging.Formatter):
    """Hides the secrets of the command."""

    def format(self, record: logging.LogRecord) -> str:
        return events.hidden(super().format(record))


@dataclasses.dataclass
class Outcome:
    """The result of a program's work, which the work may set."""

    code: int = SUCCESS  # the exit code
    # The sentence after Ctrl-C, SIGTERM, or the end of the terminal, unless the KeyboardInterrupt has a message.
    stopped: str = "stopped"


@contextlib.contextmanager
def program(name: str, words: Sequence[str]) -> Iterator[Outcome]:
    """Surrounds the work of a program: an error or a signal becomes one sentence and an exit code.

    The code is 2 for an input error, 130 if a signal stopped the work, 75 if the same command may succeed later, and 1
    for another failure. Errors in this package are raised as they are. At the end, the previous signal handlers are
    restored.
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
                if number != signal.SIGHUP or handler != signal.SIG_IGN:  # nohup ignores SIGHUP
                    signal.signal(number, signal.default_int_handler)
            yield outcome
            sys.stdout.flush()  # here, where a failure becomes a sentence
        except KeyboardInterrupt as stop:
            outcome.code = fail(name, str(stop) or outcome.stopped, INTERRUPTED)
        except InputError as error:
            outcome.code = fail(name, str(error), TEMPORARY if error.is_retryable else USAGE_ERROR)
        except RunError as error:
            is_stopped = isinstance(error, PublishedError) and isinstance(error.__cause__, KeyboardInterrupt)
            code = TEMPORARY if error.is_retryable else FAILURE
            outcome.code = fail(name, str(error), INTERRUPTED if is_stopped else code)
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
    """Opens the null device for closed streams, so that files do not get their numbers; prints odd ones in ASCII."""
    while (number := os.open(os.devnull, os.O_RDWR)) < len(STREAMS):
        pass
    os.close(number)
    for number, (name, mode) in enumerate(STREAMS.items()):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ENCODING_ERRORS)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """The handler of characters that the encoding of a stream lacks, as ``codecs.register_error`` needs it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error(ENCODING_ERRORS, _in_ascii)


def _fail_with_file(name: str, error: OSError) -> None:
    """Reports the file that could not be used; one without a name is standard output."""
    reason = error.strerror or str(error)
    if error.filename or isinstance(error, FileNotFoundError):  # without a name: no folder for temporary files
        fail(name, f"{error.filename}: {reason}" if error.filename else reason)
        return
    _discard(events.output())
    if not isinstance(error, BrokenPipeError):  # the reader has closed the pipe
        fail(name, f"standard output: {reason}")


def _discard(stream: IO[str]) -> None:
    """Sends the rest of a stream to the null device: Python would fail again, with another code, when it flushes it."""
    with contextlib.suppress(OSError):  # a stream that is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fail(name: str, message: str, code: int = FAILURE) -> int:
    """Prints a failure to standard error in one line; returns the exit code."""
    message = events.hidden(printable(message))
    try:
        print(f"{name}: {message}", file=sys.stderr)
    except OSError:  # a full or closed stream; the exit code remains
        _discard(sys.stderr)
    with contextlib.suppress(OSError):
        events.emit("error", message=message, exit_code=code, retryable=code == TEMPORARY)
    return code


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignores the signals that stop a program while the block cleans up."""
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
    """Starts logging. If the log can no longer be written, the work continues without it."""
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
    """Hides the log messages of libraries in the block, for callers with a separate log."""
    root, handler = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(handler)  # without any handler, the first warning would install one permanently
    root.setLevel(QUIET.upper())
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def terminal_width() -> int:
    """The width of the terminal in characters; 80 without a terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def wrapped(text: str) -> str:
    """Prose wrapped between words for a terminal; unchanged for a file or another program. Tables are not wrapped."""
    if not sys.stdout.isatty():
        return text
    fill = functools.partial(textwrap.fill, width=terminal_width(), break_long_words=False, break_on_hyphens=False)
    return "\n".join(line if "  " in line else fill(line) for line in text.split("\n"))


def has_escapes() -> bool:
    """Whether standard output is a terminal that understands escape sequences, for colours and the cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def colored(text: str, color: int) -> str:
    """Text in a colour of the terminal; unchanged for a file or another program, and with NO_COLOR (no-color.org)."""
    return f"\x1b[{color}m{text}\x1b[0m" if has_escapes() and not os.environ.get("NO_COLOR") else text


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Hides the output of ``say`` and all progress, in this thread, while the block runs."""
    with process.override(is_silent=True):
        yield


def say(text: str = "") -> None:
    """Prints a line to standard output immediately, above any progress bars of the terminal."""
    if process.current().is_silent:
        return
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(text)
        sys.stdout.flush()
    else:
        print(text, flush=True)


def as_typed(program: str = "") -> str:
    """One of our programs, or the running Python, as a person types it: by its name alone if the shell finds it.

    Links are not resolved, because those of two environments may have the same target.
    """
    running = Path(sys.executable or "python")
    path = running.with_name(program) if program else running
    on_path = shutil.which(path.name)
    if not path.is_file() or (on_path and Path(on_path) == path):
        return path.name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def printable(text: object) -> str:
    r"""A path or a message on one line: other characters are escaped as in Python, such as ``\n``.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))
