"""How the benchmarks measure, and that each of them can be imported."""

import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAMS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem not in ("timing", "ways"))


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def load(name: str):
    return importlib.import_module(name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_benchmark_is_a_program(monkeypatch, capsys, name):
    program = load(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 0
    begin = program.__doc__.partition("\n\n")[0].partition("`")[0]
    assert " ".join(begin.split()) in " ".join(capsys.readouterr().out.split())


def test_a_command_is_measured():
    start = time.perf_counter()
    measured = load("timing").run([sys.executable, "-c", "print('done')"])
    assert measured.output == "done\n"
    assert 0 < measured.seconds <= time.perf_counter() - start


def test_the_memory_of_a_command_is_its_own():
    """Measured from a small process, as benchmarks are: Linux counts what a process had before it became another."""
    program = f"""
import subprocess
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import timing
print(timing.run([sys.executable, "-c", "b = b'x' * 200_000_000; print(len(b))"]).memory)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert 200e6 < int(done.stdout) < 400e6


def test_a_command_that_fails_ends_the_benchmark():
    with pytest.raises(SystemExit, match=r"(?s)failed: .*no such luck"):
        load("timing").run([sys.executable, "-c", "raise ValueError('no such luck')"])


def test_a_way_runs_in_its_own_process():
    result, memory = load("timing").call(load("ways").in_new_directory, way="pipeline", given={"num_examples": 1000})
    assert result["examples"] == 1000
    assert 0 < result["seconds"] < 60
    assert memory > 50e6
