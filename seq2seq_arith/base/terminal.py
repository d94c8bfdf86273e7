"""The parser, the exit codes, the signals and the messages of failures, for both programs."""

import _thread
import argparse
import atexit
import contextlib
import io
import json
import os
import shlex
import shutil
import signal
import string
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError, PublishedError, RunError
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.options import mistyped_option

SUCCESS, FAILURE, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05  # after which the callback that has dropped an interrupt should be over
# The title of a group of options at the head of a command's help.
FIRST_OPTIONS = "the options that matter most"
EXAMPLES = "examples:"
# Characters that mean themselves in $'...' of a shell, also after \\x and two digits.
PLAIN = frozenset(string.ascii_letters + string.digits + "/._-+=:,@% ")
STDOUT = "standard output"
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage, and that takes no abbreviated options.

    Args:
      examples: Commands that work when they are typed; they stand at the end of the help.
      **kwargs: As for ``argparse.ArgumentParser``. ``add_help_option`` adds ``--help``, after the groups of options.
    """

    def __init__(self, *, examples: Sequence[str] = (), **kwargs: Any) -> None:
        if examples:
            kwargs["epilog"] = "\n  ".join([EXAMPLES, *examples])
        super().__init__(**{"allow_abbrev": False, "add_help": False, "formatter_class": _HelpFormatter, **kwargs})

    def add_help_option(self) -> None:
        """Adds ``--help``: at the end, so that a group of options can stand at the head of the help."""
        group = self.add_argument_group("help")
        group.add_argument("-h", "--help", action="help", help="show this text and exit")
        self.set_defaults(parser=self)  # the one of the command that was typed, for messages

    @property
    def own_help(self) -> str:
        """The command that shows its help."""
        return f"{self.prog} --help"

    @property
    def option_names(self) -> list[str]:
        """Its options, as they are typed."""
        return [text for action in self._actions for text in action.option_strings if text.startswith("--")]

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """Raises InputError for arguments that it does not have."""
        first = next((word for word in words if word.startswith("--")), "")
        hint = mistyped_option(first, self.option_names, f"see {self.own_help}")
        raise InputError(f"unrecognized arguments: {' '.join(words)}{hint}")

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.own_help}")


class _HelpFormatter(argparse.HelpFormatter):
    """Keeps the lines of the examples, and wraps the items of a list, which begin with "- ", one by one."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return text
        wrapped = []
        for line in text.splitlines():
            further = indent + "  " if line.startswith("- ") else indent
            wrapped.append(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=further))
        return "\n".join(wrapped)


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks for the words that can follow, if the package argcomplete is installed.

    The shell sets a variable when it asks, so that nothing is imported otherwise.
    """
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(parser)


def as_typed(program: str) -> str:
    """How a person types one of our programs here: by its name, or by its path if the shell does not know the name."""
    beside = Path(sys.executable).parent / program
    found = shutil.which(program)
    if not beside.is_file() or (found and beside.samefile(found)):
        return program
    return _from_here(beside)


def python_as_typed() -> str:
    """How a person types the Python that runs: by its name, or by its path if the shell finds another one, or none.

    Links are not followed: those of two environments may lead to the same file.
    """
    running = Path(sys.executable or "python")
    found = shutil.which(running.name)
    return running.name if not sys.executable or (found and Path(found) == running) else _from_here(running)


def _from_here(path: Path) -> str:
    """A path from the current folder, if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def terminal_width() -> int:
    """Characters of a line of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def say(text: str = "") -> None:
    """Prints a line to standard output at once."""
    print(text, flush=True)


def run_program(
    name: str, command: Callable[[], int], stopped: Callable[[], str], *, ends_process: bool = False
) -> int:
    """Runs a command line program to its exit code.

    Args:
      name: The program's name, which stands before every failure.
      command: The work; it returns an exit code.
      stopped: What is said after Ctrl-C, SIGTERM, or the end of the terminal.
      ends_process: Whether the process ends with the program: then a signal that comes after its work does not change
        the exit code. It ends a process that still waits for threads of a library, after what is registered with
        ``atexit``: that is never cut short.

    Returns:
      The command's exit code; 1 for a failure, 2 for input that cannot be used, 130 if it was interrupted.
    """
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may not have the marks of the tables
    numbers = _stop_signals()
    code = _interruptible(name, command, stopped, numbers, ends_process)
    events.finish(code)
    if ends_process:
        _end_process(code, numbers)
    return code


def _end_process(code: int, numbers: Sequence[int]) -> None:
    """Lets these signals end the process while it waits for threads, but not while it runs what ``atexit`` has."""

    def leave(*_: object) -> None:
        _handle_signals(numbers, signal.SIG_IGN)
        atexit._run_exitfuncs()  # such as the removal of a working copy
        os._exit(code)

    # It is the first one to run, as it is the last one to be registered. The signals stay ignored after it: Python
    # takes other handlers off at its end, and then a signal would end the process with a code of its own.
    atexit.register(_handle_signals, numbers, signal.SIG_IGN)
    _handle_signals(numbers, leave)


def _stop_signals() -> list[int]:
    """The signals that stop a program: under nohup, the end of the terminal does not."""
    return [each for each in STOP_SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]


def _interruptible(
    name: str, command: Callable[[], int], stopped: Callable[[], str], numbers: Sequence[int], ends_process: bool
) -> int:
    """The exit code of a command that these signals stop; none of them raises an exception outside of it."""
    is_over = False

    def interrupt(*_: object) -> None:
        if not is_over:
            raise KeyboardInterrupt

    try:
        try:
            _handle_signals(numbers, interrupt)
            with _dropped_interrupts_again():
                return _exit_code(name, command)
        finally:
            is_over = ends_process
            if ends_process:
                _handle_signals(numbers, signal.SIG_IGN)  # while it is told how the work has ended
    except KeyboardInterrupt:
        return fail(name, stopped(), INTERRUPTED)


@contextlib.contextmanager
def _dropped_interrupts_again() -> Iterator[None]:
    """Sends a signal again in the block if Python has dropped its KeyboardInterrupt, instead of a traceback.

    Python drops every exception that is raised in a callback, such as that of a weak reference, or in ``__del__``.
    """
    before, thread, is_over = sys.unraisablehook, threading.get_ident(), False

    def send_again() -> None:
        time.sleep(AGAIN_SECONDS)
        if not is_over:
            signal.pthread_kill(thread, signal.SIGINT)

    def hook(dropped: Any) -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            before(dropped)
            return
        # Not by threading, whose locks the interrupted code may hold.
        with contextlib.suppress(RuntimeError):  # there is no room for a thread
            _thread.start_new_thread(send_again, ())

    sys.unraisablehook = hook
    try:
        yield
    finally:
        is_over = True
        sys.unraisablehook = before


def _handle_signals(numbers: Sequence[int], handler: Any) -> None:
    for number in numbers:
        signal.signal(number, handler)


def _exit_code(name: str, command: Callable[[], int]) -> int:
    """The exit code of a command; its failure is said in a sentence.

    Raises:
      KeyboardInterrupt: A signal has stopped it.
    """
    try:
        code = command()
        sys.stdout.flush()  # here, where a failure is a sentence
        return code
    except InputError as error:
        return fail(name, str(error), USAGE_ERROR)
    except PublishedError as error:
        return fail(name, str(error), INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else FAILURE)
    except RunError as error:
        return fail(name, str(error))
    except Exception as error:
        if is_short_of_memory(error):
            return fail(name, f"{TOO_LITTLE_MEMORY}, or less to do")
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or str(error)
        if isinstance(error, FileNotFoundError) and not error.filename:
            return fail(name, reason)  # no folder for temporary files; it is no stream
        place = error.filename or _failed_stream()
        if isinstance(error, BrokenPipeError) and place == STDOUT:
            return FAILURE  # the reader has seen enough
        return fail(name, f"{place}: {reason}")


def fail(name: str, message: str, code: int = FAILURE, advice: str = "") -> int:
    """Prints a failure as one line to standard error, with the engine's job if there is one; returns the exit code.

    The advice comes last, after the job, so that a command at its end can be copied up to the end of the line. A path
    in the line may have any characters: those that cannot be printed are shown as in Python, such as ``\\n``.
    """
    message = printable("; ".join(filter(None, [events.job().of_failure(message), advice])))
    with contextlib.suppress(OSError):  # a full or closed stream: the code says it all the same
        print(f"{name}: {message}", file=sys.stderr)
    with contextlib.suppress(OSError):
        events.emit("error", message=message, exit_code=code)
    return code


def printable(text: object) -> str:
    r"""A path or a message on one line: what the output cannot show is written as in Python, such as ``\n``.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(each if _is_shown(each) else ascii(each)[1:-1] for each in str(text))


def python_literal(text: str) -> str:
    r"""A string as Python reads it back, in characters that standard output has.

    >>> print(python_literal("data"), python_literal("two\nlines"), python_literal("x\udcff"))
    "data" "two\nlines" 'x\udcff'
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if _is_shown(quoted) else ascii(text)


def as_command(words: Sequence[str]) -> str:
    r"""Words as a shell reads them back; those that cannot be shown are quoted as in bash and zsh.

    >>> print(as_command(["ls", "a b", "two\nlines", "x\udcff"]))
    ls 'a b' $'two\x0alines' $'x\xff'
    """
    return " ".join(shlex.quote(word) if _is_shown(word) else _ansi_quoted(word) for word in words)


def _ansi_quoted(word: str) -> str:
    characters = (chr(byte) if chr(byte) in PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(characters)}'"


def _is_shown(text: str) -> bool:
    """Whether standard output shows every character of a text as it is."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return text.isprintable()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignores the signals that stop a program in the block, which cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt the main thread alone
        return
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _open_streams() -> None:
    """Opens the null device in the place of closed standard streams, whose numbers the next files would get."""
    while (number := os.open(os.devnull, os.O_RDWR)) < len(STREAMS):
        pass
    os.close(number)
    for number, (name, mode) in enumerate(STREAMS.items()):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _failed_stream() -> str:
    """The name of standard output, which could not be written.

    What is left of it goes nowhere; Python would complain once more when it flushes it at the end.
    """
    with contextlib.suppress(OSError):  # a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), events.output().fileno())
    return STDOUT
