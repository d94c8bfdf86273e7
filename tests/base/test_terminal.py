"""Exit codes, sentences, signals, streams and the log of both programs, and names as they are typed."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from programs import run_here

from seq2seq_arith.base import terminal
from seq2seq_arith.base.errors import BusyError, InputError, LostMachineError, PublishedError, RunError

MEMORY = "this process needs more memory than it may use; give it more, or less to do"


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("digits is 0"), 2, "digits is 0"),
        (InputError("a\nb\x1b[0m is no directory"), 2, r"a\nb\x1b[0m is no directory"),
        (BusyError("another run is making it"), 75, "another run is making it"),
        (RunError("it failed"), 1, "it failed"),
        (LostMachineError("a machine is gone"), 75, "a machine is gone"),
        (PublishedError("complete, but"), 1, "complete, but"),
        (caused(PublishedError("complete, but stopped"), KeyboardInterrupt()), 130, "complete, but stopped"),
        (OSError(28, "No space left on device", "data/x"), 1, "data/x: No space left on device"),
        (FileNotFoundError(2, "No usable temporary directory found"), 1, "No usable temporary directory found"),
        (MemoryError(), 1, MEMORY),
        (caused(ValueError("a library's"), MemoryError()), 1, MEMORY),
        (KeyboardInterrupt(), 130, "stopped; nothing was left"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(capsys, error, code, line):
    with terminal.program("prog", []) as outcome:
        outcome.stopped += "; nothing was left"
        raise error
    assert (outcome.code, capsys.readouterr().err) == (code, f"prog: {line}\n")


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_another_error_passes_and_every_end_gives_the_signals_back(error):
    before = [signal.getsignal(number) for number in terminal.STOP_SIGNALS]
    with pytest.raises(error), terminal.program("prog", []):
        assert [signal.getsignal(number) for number in terminal.STOP_SIGNALS] != before
        raise error
    assert [signal.getsignal(number) for number in terminal.STOP_SIGNALS] == before


@pytest.mark.parametrize("layer", ["pipelines", "trainer"])
def test_a_program_guards_its_slow_imports(layer):
    """Before them there is no handler, and Ctrl-C is a traceback."""
    code = f"import sys, seq2seq_arith.{layer}.__main__; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Each case in turn: the signal's handler before, the code and the handler after.
SIGNALS = """
import json, os, signal, sys, time
from seq2seq_arith.base import terminal

for number in terminal.STOP_SIGNALS:
    for before in (signal.SIG_DFL, signal.SIG_IGN):
        signal.signal(number, before)
        with terminal.program("prog", []) as outcome:
            os.kill(os.getpid(), number)
            time.sleep(0)
        print(json.dumps([number, before, outcome.code, signal.getsignal(number) == before]))
signal.signal(signal.SIGTERM, signal.SIG_DFL)
with terminal.uninterrupted():
    os.kill(os.getpid(), signal.SIGTERM)
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
with terminal.program("prog", []):
    for _ in range(10**6):
        terminal.say("line")
"""


def test_each_signal_stops_a_program_and_nohup_outlives_its_terminal():
    """And a reader that leaves ends it in silence."""
    command = [sys.executable, "-c", SIGNALS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        ended = [json.loads(process.stdout.readline()) for _ in range(6)]
        process.stdout.close()
        errors = process.stderr.read()
    ignored = [signal.SIGHUP, signal.SIG_IGN]
    assert all(is_before for *_, is_before in ended)
    assert [code for *case, code, _ in ended] == [0 if case == ignored else 130 for *case, _, _ in ended]
    assert errors == "prog: stopped\n" * 5
    assert process.returncode == 0


STREAMS = """
import sys
from seq2seq_arith.base import terminal

with terminal.program("prog", []) as outcome:
    print("err", file=sys.stderr)
    print("out ✓ ♞")
sys.exit(outcome.code)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("", 0, "out ok ?\n", "err\n"),
        (">/dev/full", 1, "", "err\nprog: standard output: No space left on device\n"),
        (">/dev/full 2>/dev/full", 1, "", ""),
        ("| true", 0, "", "err\n"),
        ("<&- >&-", 0, "", "err\n"),
        (">&- 2>&-", 0, "", ""),
    ],
)
def test_full_left_and_closed_streams(redirection, code, out, err, unbuffered):
    """In a terminal that has no marks; also with what Python itself keeps of a stream until the end."""
    command = ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, STREAMS]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ascii_only)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.fixture
def log(monkeypatch):
    """Runs ``arith-data plan`` with these options; a library logs one line per level meanwhile."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    emit = terminal.events.emit

    def noted(event, **fields):
        if event == "result":
            for name in ("debug", "info", "warning", "error"):
                getattr(logging.getLogger("library"), name)(f"a line of {name}")
        emit(event, **fields)

    monkeypatch.setattr(terminal.events, "emit", noted)
    yield lambda *options: run_here("plan", "addition", *options)
    for handler in set(root.handlers) - set(handlers):
        with contextlib.suppress(OSError):  # a full disk
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("options", "shown"),
    [((), "info warning error"), (("--log-level", "error"), "error"), (("--log-level=critical",), "")],
)
def test_a_log_file(log, tmp_path, options, shown):
    path = tmp_path / "log"
    for _ in range(2):
        done = log("--log-file", path, *options)
        assert (done.returncode, done.stderr) == (0, "")
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == shown.split() * 2


def test_without_a_file_libraries_are_silent(log, caplog):
    assert log().stderr == ""
    assert caplog.records == []
    log("--log-level", "warning")
    assert [record.levelname for record in caplog.records[:2]] == ["WARNING", "ERROR"]


@pytest.mark.parametrize("name", ["", "none/log"])
def test_a_log_that_cannot_be_written(log, tmp_path, name):
    path = tmp_path / name if name else ""
    done = log("--log-file", path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"arith-data: --log-file is {Path(path)}, which cannot be written: ")


@pytest.mark.parametrize(
    ("program", "on_path", "folder", "typed"),
    [
        ("prog", "venv/bin", "", "prog"),
        ("prog", "other", "", "venv/bin/prog"),
        ("", "other", "", "venv/bin/python"),  # a link to the same Python, of another environment
        ("", "", "other", "{0}/venv/bin/python"),
    ],
)
def test_a_program_as_it_is_typed(tmp_path, monkeypatch, program, on_path, folder, typed):
    """Without its path if the shell finds this one by its name."""
    for place in ("venv/bin", "other"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "python").symlink_to(sys.executable)
        (tmp_path / place / "prog").write_text("#!/bin/sh\n")
        (tmp_path / place / "prog").chmod(0o755)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
    monkeypatch.setattr(terminal.sys, "executable", str(tmp_path / "venv/bin/python"))
    assert terminal.as_typed(program) == typed.format(tmp_path)
