"""Exit codes and sentences that both programs share."""

import argparse
import ast
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import types

import pytest

from seq2seq_arith.base import machine, terminal
from seq2seq_arith.base.errors import (
    DivergedError,
    EngineError,
    InputError,
    PublishedError,
    RunError,
    StoreError,
    WorkerLostError,
)

MEMORY = "the memory or the threads that this process may use do not suffice; give it more, or less to do"


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


def after(cause: Exception, error: Exception) -> Exception:
    error.__cause__ = cause
    return error


def stopped_after_publishing() -> PublishedError:
    error = PublishedError("complete, but stopped")
    error.__cause__ = KeyboardInterrupt()
    return error


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command as a program; signal handlers are left alone. Returns its exit code and its standard error."""
    monkeypatch.setattr(terminal.signal, "signal", lambda *_: None)

    def made(command) -> tuple[int, str]:
        code = terminal.run_program("prog", command, lambda: "stopped; nothing was left")
        return code, capsys.readouterr().err

    return made


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("digits is 0"), 2, "digits is 0"),
        (InputError("a\nb\x1b[0m is no directory"), 2, r"a\nb\x1b[0m is no directory"),
        (RunError("it failed"), 1, "it failed"),
        (StoreError("the store fails"), 1, "the store fails"),
        (EngineError("the engine failed"), 1, "the engine failed"),
        (WorkerLostError("a worker died"), 1, "a worker died"),
        (DivergedError("the loss is nan"), 1, "the loss is nan"),
        (PublishedError("complete, but"), 1, "complete, but"),
        (stopped_after_publishing(), 130, "complete, but stopped"),
        (OSError(28, "No space left on device", "data/x"), 1, "data/x: No space left on device"),
        (OSError(28, "No space left on device"), 1, "standard output: No space left on device"),
        (FileNotFoundError(2, "No usable temporary directory found"), 1, "No usable temporary directory found"),
        (MemoryError(), 1, MEMORY),
        (ImportError("libarrow.so: failed to map segment from shared object"), 1, MEMORY),
        (OSError("libarrow.so: cannot allocate memory in static TLS block"), 1, MEMORY),
        (OSError(12, "Cannot allocate memory"), 1, MEMORY),
        (RuntimeError("can't start new thread"), 1, MEMORY),
        (after(MemoryError(), ImportError("numpy cannot be imported")), 1, MEMORY),
        (KeyboardInterrupt(), 130, "stopped; nothing was left"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(run, error, code, line):
    assert run(raising(error)) == (code, f"prog: {line}\n")


def test_a_command_gives_its_own_exit_code(run):
    assert run(lambda: 7) == (7, "")


@pytest.mark.parametrize("error", [ZeroDivisionError(), SystemError(), ImportError("no module"), RuntimeError("bug")])
def test_another_error_is_ours_to_mend(run, error):
    with pytest.raises(type(error)):
        run(raising(error))


def test_what_c_does_not_explain_is_a_lack_of_memory_if_the_memory_is_limited(run, monkeypatch):
    monkeypatch.setattr(machine, "_most_addresses", lambda: 2**29)
    assert run(raising(SystemError("error return without exception set"))) == (1, f"prog: {MEMORY}\n")


# The first signal comes while what was done is told, the second one while Python ends.
LATE = """
import atexit, os, signal, sys
from seq2seq_arith.base import events, terminal

def send(*_):
    os.kill(os.getpid(), {number})

signal.signal({number}, signal.SIG_DFL)
events.finish = send
atexit.register(send)
sys.exit(terminal.run_program("prog", lambda: 7, lambda: "stopped", ends_process=True))
"""


WAITING = """
import signal, sys, threading, time
from seq2seq_arith.base import terminal

signal.signal(signal.SIGTERM, signal.SIG_DFL)
threading.Thread(target=time.sleep, args=(600,)).start()
code = terminal.run_program("prog", lambda: 7, lambda: "stopped", ends_process=True)
print("done", flush=True)
sys.exit(code)
"""


def test_a_signal_ends_a_process_that_waits_for_a_thread_after_the_work():
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WAITING], **pipes) as process:
        assert process.stdout.readline() == "done\n"
        process.terminate()
        assert (process.wait(60), process.stderr.read()) == (7, "")


# Something is registered that takes a while, before and during which a signal comes.
TIDYING = """
import atexit, os, signal, sys, threading, time
from seq2seq_arith.base import terminal

def tidy():
    print("tidies", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    print("tidied", flush=True)

signal.signal(signal.SIGTERM, signal.SIG_DFL)
code = terminal.run_program("prog", lambda: atexit.register(tidy) and 7, lambda: "stopped", ends_process=True)
if {waits}:
    threading.Thread(target=time.sleep, args=(600,)).start()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
sys.exit(code)
"""


@pytest.mark.parametrize("waits", [False, True])
def test_no_signal_cuts_short_what_is_done_at_the_end(waits):
    program = [sys.executable, "-c", TIDYING.format(waits=waits)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (7, "tidies\ntidied\n", "")


@pytest.mark.parametrize("number", terminal.STOP_SIGNALS)
def test_a_signal_after_the_work_changes_nothing(number):
    program = LATE.format(number=int(number))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, "")


def test_a_caller_in_python_can_be_stopped_after_the_work():
    """A notebook, or these tests: only a process that ends with the program ignores signals."""
    before = [signal.getsignal(number) for number in terminal.STOP_SIGNALS]
    try:
        assert terminal.run_program("prog", lambda: 7, lambda: "stopped") == 7
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
    finally:
        for number, handler in zip(terminal.STOP_SIGNALS, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize("number", terminal.STOP_SIGNALS)
def test_each_signal_stops_a_program(number):
    program = f"""
import os, signal, sys, time
from seq2seq_arith.base import terminal

signal.signal({int(number)}, signal.SIG_DFL)  # these tests may themselves run under nohup

def command():
    os.kill(os.getpid(), {int(number)})
    time.sleep(60)

sys.exit(terminal.run_program("prog", command, lambda: "stopped"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "prog: stopped\n")


# A signal comes amid a callback, where Python drops its KeyboardInterrupt.
DROPPED = """
import os, signal, sys, time, weakref
from seq2seq_arith.base import terminal

class Object:
    pass

def callback(_):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

def command():
    thing = Object()
    reference = weakref.ref(thing, callback)
    del thing
    time.sleep(60)
    return 0

sys.exit(terminal.run_program("prog", command, lambda: "stopped", ends_process=True))
"""


def test_a_signal_that_python_drops_comes_again():
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (130, "prog: stopped\n")


def test_other_exceptions_that_python_drops_are_shown():
    program = """
import sys
from seq2seq_arith.base import terminal

class Object:
    def __del__(self):
        1 / 0

before = sys.unraisablehook
sys.exit(terminal.run_program("prog", lambda: bool(Object()) - 1, lambda: "stopped") or sys.unraisablehook != before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_reader_that_leaves_ends_the_program_in_silence():
    program = """
import sys
from seq2seq_arith.base import terminal

def command():
    for _ in range(10**6):
        terminal.say("line")
    return 0

sys.exit(terminal.run_program("prog", command, lambda: "stopped"))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


@pytest.mark.parametrize("ends_process", [False, True])
def test_nohup_outlives_its_terminal(ends_process):
    """Also after the work: then, other signals end the process."""
    program = f"""
import os, signal, sys
from seq2seq_arith.base import terminal

signal.signal(signal.SIGHUP, signal.SIG_IGN)

def command():
    os.kill(os.getpid(), signal.SIGHUP)
    return 0

code = terminal.run_program("prog", command, lambda: "stopped", ends_process={ends_process})
os.kill(os.getpid(), signal.SIGHUP)
print("goes on")
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


# Says where a new file goes, writes to both streams, and reads one line.
STREAMS = """
import os, sys
from seq2seq_arith.base import terminal

def command():
    with open(os.devnull) as file:
        assert file.fileno() > 2
    print("err", file=sys.stderr)
    print("out", sys.stderr.isatty(), repr(sys.stdin.read()))
    return 0

sys.exit(terminal.run_program("prog", command, lambda: "stopped"))
"""


@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("</dev/null", 0, "out False ''\n", "err\n"),
        ("<&-", 0, "out False ''\n", "err\n"),
        ("</dev/null 2>&-", 0, "out False ''\n", ""),
        ("</dev/null >&-", 0, "", "err\n"),
        ("<&- >&- 2>&-", 0, "", ""),
        ("</dev/null >/dev/full", 1, "", "err\nprog: standard output: No space left on device\n"),
        ("</dev/null >/dev/full 2>/dev/full", 1, "", ""),
        ("</dev/null | true", 0, "", "err\n"),
    ],
)
def test_closed_and_full_streams(redirection, code, out, err):
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, STREAMS], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_a_parser_refuses_in_one_sentence():
    parser = terminal.Parser(prog="prog")
    parser.add_argument("--number", type=int)
    for words, message in (
        (["--number", "x"], "argument --number: invalid int value: 'x'; see prog --help"),
        (["--num", "1"], "unrecognized arguments: --num 1; see prog --help"),
    ):
        with pytest.raises(InputError) as raised:
            parser.parse_args(words)
        assert str(raised.value) == message


def test_cleaning_up_is_not_interrupted():
    before = [signal.getsignal(number) for number in terminal.STOP_SIGNALS]
    with terminal.uninterrupted():
        for number in terminal.STOP_SIGNALS:
            os.kill(os.getpid(), number)
    assert [signal.getsignal(number) for number in terminal.STOP_SIGNALS] == before


def test_help_ends_with_examples_and_begins_with_the_first_options():
    parser = terminal.Parser(prog="prog", description="Word " * 40, examples=["prog " + "long " * 30 + "end", "prog b"])
    first = parser.add_argument_group(terminal.FIRST_OPTIONS)
    more = parser.add_argument_group("more options")
    more.add_argument("--rare", help="rare")
    first.add_argument("--often", help="often")
    parser.add_help_option()
    shown = parser.format_help()
    assert shown.endswith(f"\nexamples:\n  prog {'long ' * 30}end\n  prog b\n")
    places = [shown.index(f"\n{title}:") for title in (terminal.FIRST_OPTIONS, "more options", "help", "examples")]
    assert places == sorted(places)
    assert max(map(len, shown.partition("\nexamples:")[0].splitlines())) <= 80
    assert "\x1b" not in shown


def test_a_list_in_a_help_text_keeps_its_lines():
    parser = terminal.Parser(prog="prog")
    parser.add_argument_group("models", f"Models:\n\n- one: {'word ' * 30}\n- two: short").add_argument("--model")
    shown = parser.format_help()
    assert "\n  Models:\n\n  - one: word" in shown
    assert "\n    word word" in shown  # what does not fit into the line of an item is under its text
    assert "\n  - two: short\n" in shown


@pytest.mark.parametrize(
    ("made", "on_path", "typed"),
    [
        (True, "venv/bin", "prog"),
        (True, "other", "venv/bin/prog"),
        (True, "", "venv/bin/prog"),
        (False, "other", "prog"),
        (False, "", "prog"),
    ],
)
def test_a_program_as_it_is_typed(tmp_path, monkeypatch, made, on_path, typed):
    """Without its path if the shell finds this program by its name."""
    for folder in ("venv/bin", "other"):
        (tmp_path / folder).mkdir(parents=True)
        program = tmp_path / folder / "prog"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    if not made:
        (tmp_path / "venv/bin/prog").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal.sys, "executable", str(tmp_path / "venv/bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
    assert terminal.as_typed("prog") == typed
    monkeypatch.chdir(tmp_path / "other")
    assert terminal.as_typed("prog") == (typed if typed == "prog" else str(tmp_path / typed))


@pytest.mark.parametrize(
    ("on_path", "folder", "typed"),
    [
        ("venv/bin", "", "python"),
        ("other", "", "venv/bin/python"),  # a link to the same Python, of another environment
        ("", "", "venv/bin/python"),
        ("other", "other", "{0}/venv/bin/python"),
    ],
)
def test_python_as_it_is_typed(tmp_path, monkeypatch, on_path, folder, typed):
    for place in ("venv/bin", "other"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
    monkeypatch.setattr(terminal.sys, "executable", str(tmp_path / "venv/bin/python"))
    assert terminal.python_as_typed() == typed.format(tmp_path)


def test_completion_costs_nothing_until_a_shell_asks(monkeypatch):
    asked = []
    parser = argparse.ArgumentParser()
    monkeypatch.setitem(sys.modules, "argcomplete", types.SimpleNamespace(autocomplete=asked.append))
    terminal.complete(parser)
    assert asked == []
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    terminal.complete(parser)
    assert asked == [parser]
    monkeypatch.setitem(sys.modules, "argcomplete", None)  # as if it were not installed
    terminal.complete(parser)


def test_a_long_word_does_not_hide_the_sentence():
    parser = terminal.Parser(prog="prog")
    parser.add_argument("--digits", type=int)
    with pytest.raises(InputError, match=r"^argument --digits: invalid int value: 'x{59}…'; see prog --help$"):
        parser.parse_args(["--digits", "x" * 4000])


@pytest.mark.parametrize(
    ("text", "encoding", "line", "literal", "typed"),
    [
        ("data", "utf-8", "data", '"data"', "data"),
        ("a b", "utf-8", "a b", '"a b"', "'a b'"),
        ('a"b', "utf-8", 'a"b', r'"a\"b"', "'a\"b'"),
        ("two\nlines", "utf-8", r"two\nlines", r'"two\nlines"', r"$'two\x0alines'"),
        ("it's\t", "utf-8", r"it's\t", '"it\'s\\t"', r"$'it\x27s\x09'"),
        ("é", "utf-8", "é", '"é"', "'é'"),
        ("é", "ascii", r"\xe9", r"'\xe9'", r"$'\xc3\xa9'"),
        ("\U0001f600", "ascii", r"\U0001f600", r"'\U0001f600'", r"$'\xf0\x9f\x98\x80'"),
        ("x\udcff", "utf-8", r"x\udcff", r"'x\udcff'", r"$'x\xff'"),
        ("a\u2028b", "utf-8", r"a\u2028b", r"'a\u2028b'", r"$'a\xe2\x80\xa8b'"),
    ],
)
def test_names_as_they_are_shown_and_typed(monkeypatch, text, encoding, line, literal, typed):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert terminal.printable(text) == line
    assert terminal.python_literal(text) == literal
    assert ast.literal_eval(literal) == text
    assert terminal.as_command([text]) == typed
    if shutil.which("bash"):
        done = subprocess.run(["bash", "-c", f"printf %s {typed}"], capture_output=True, check=True)
        assert done.stdout == os.fsencode(text)
