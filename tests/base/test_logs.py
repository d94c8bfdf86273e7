"""What libraries log, and where it goes."""

import os
import resource
import subprocess
import sys

import pytest

PLAN = ["plan", "addition"]
PROGRAM = """
import logging, sys
from seq2seq_arith.pipelines import __main__ as program
from seq2seq_arith.pipelines.formats.layout import Layout
make = Layout.of
def of(*arguments, **options):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("library"), level)(f"a line of {level}")
    return make(*arguments, **options)
Layout.of = of
sys.exit(program.main())
"""


def run(*arguments: object, program: str = PROGRAM, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *PLAN, *map(str, arguments)]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, **options)


def levels(text: str) -> list[str]:
    return [line.rpartition(" ")[2] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("level", "shown"),
    [(None, []), ("error", ["error"]), ("info", ["info", "warning", "error"])],
)
def test_levels(level, shown):
    done = run(*(["--log-level", level] if level else []))
    assert done.returncode == 0, done.stderr
    assert levels(done.stderr) == shown


def test_a_file(tmp_path):
    log = tmp_path / "log"
    for _ in range(2):
        done = run("--log-file", log)
        assert (done.returncode, done.stderr) == (0, "")
    assert levels(log.read_text()) == ["info", "warning", "error"] * 2


@pytest.mark.parametrize("kind", ["directory", "pipe", "no folder"])
def test_what_cannot_be_written(tmp_path, kind):
    path = {"directory": tmp_path, "pipe": tmp_path / "pipe", "no folder": tmp_path / "none" / "log"}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    done = run("--log-file", path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"arith-data: --log-file is {path}, which cannot be written: ")


def test_an_empty_name_is_no_log():
    """As a variable of a shell gives it that has no value."""
    done = run("--log-file", "")
    assert done.returncode == 2
    assert "--log-file is ., which cannot be written: Is a directory" in done.stderr


def test_a_full_disk_is_said_once_and_the_work_goes_on(tmp_path):
    """A limit of a file's size stands for the disk."""
    log = tmp_path / "log"
    log.write_text("")
    done = run(
        "--log-file", log, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    )
    assert done.returncode == 0
    assert "examples" in done.stdout
    assert done.stderr == (
        f"arith-data: --log-file is {log}, which cannot be written any longer: File too large; nothing more is logged\n"
    )
    assert log.read_text() == ""


def test_a_line_that_does_not_fit_its_values_is_left_out(tmp_path):
    wrong = '    logging.getLogger("library").error("%d", "x")\n    return make('
    done = run("--log-file", tmp_path / "log", program=PROGRAM.replace("    return make(", wrong))
    assert (done.returncode, done.stderr) == (0, "")
    assert levels((tmp_path / "log").read_text()) == ["info", "warning", "error"]


def test_silence_ends_with_its_block(capfd):
    """And leaves no handler: the log of a caller is not ours."""
    program = """
import logging
from seq2seq_arith.base import logs
with logs.silent():
    logging.warning("inside")
    logging.getLogger("beam").error("inside")
assert logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING
logging.warning("outside")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "WARNING:root:outside\n"
