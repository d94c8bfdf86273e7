"""What ends a program while its modules are imported."""

import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import sys; from seq2seq_arith import start; sys.exit(start.run('prog', 'imported'))"
SLOW = "import time; print('importing', flush=True); time.sleep(60)"
ROOT = Path(__file__).resolve().parents[1]
MEMORY = "the memory or the threads that this process may use do not suffice"


def default_signals():
    """Under nohup, a program ignores the end of its terminal, and in the background of a shell Ctrl-C."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path):
    """Starts a program whose module has this content."""

    def started(content):
        (tmp_path / "imported.py").write_text(content)
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        environment.pop("PYTHONSAFEPATH", None)
        command = [sys.executable, "-c", PROGRAM]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, preexec_fn=default_signals, **pipes)

    return started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_amid_the_imports(start, number):
    with start(SLOW) as program:
        assert program.stdout.readline() == "importing\n"
        program.send_signal(number)
        assert (program.wait(60), program.stderr.read()) == (130, "prog: stopped before anything was begun\n")


@pytest.mark.parametrize(
    ("content", "code", "error"),
    [
        ("main = lambda: 7", 7, ""),
        (
            "raise ImportError('x.so: failed to map segment from shared object')",
            1,
            f"prog: {MEMORY}; give it more\n",
        ),
        ("raise MemoryError", 1, f"prog: {MEMORY}; give it more\n"),
    ],
)
def test_how_the_imports_end(start, content, code, error):
    with start(content) as program:
        assert (program.wait(60), program.stderr.read()) == (code, error)


def test_a_module_that_is_missing_is_ours_to_mend(start):
    with start("import nothing_of_this_name") as program:
        assert program.wait(60) == 1
        assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in program.stderr.read()


# A traceback of Python whose last call is in a file of ours: libraries, and their threads, print their own.
TRACEBACK_OF_OURS = re.compile(
    r"Traceback \(most recent call last\):\n(?:  .*\n)*"
    rf'  File "(?:{re.escape(str(ROOT))}/(?:seq2seq_arith|pipelines|trainer)|[^"]*/site-packages/seq2seq_arith)/.*\n'
    r"(?:    .*\n)*(?=\S)"
)
PLAN = ["seq2seq_arith.pipelines", "plan", "addition"]
GENERATE = ["seq2seq_arith.pipelines", "generate", "addition", "--num-examples", "100", "--data-dir", "data"]
PREDICT = ["seq2seq_arith.trainer", "predict", "run", "1+2"]


@pytest.mark.parametrize(
    ("words", "megabytes"),
    [(PLAN, 170), (PLAN, 200), (PLAN, 230), (GENERATE, 300), (GENERATE, 400), (PREDICT, 250)],
)
def test_a_limit_of_memory_gives_no_traceback(tmp_path, words, megabytes):
    """As of ``ulimit -v``. How much a command takes depends on the machine, so it may also succeed, or be refused.

    A library in C may end the process with a signal if it gets no memory, which nothing in Python can prevent.
    """
    module, *arguments = words
    program = f"import sys; from seq2seq_arith import start; sys.exit(start.run('prog', '{module}.__main__'))"
    limit = megabytes * 10**6
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONSAFEPATH": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not TRACEBACK_OF_OURS.search(done.stderr), done.stderr
    if done.returncode == 1:
        # Libraries may say more. In a thread of Beam's, it is Beam that fails.
        assert MEMORY in done.stderr or "the engine failed with" in done.stderr, done.stderr
    assert done.returncode <= 2, done.stderr
