"""How the benchmarks measure, and that each of them can be imported."""

import importlib
import os
import sys
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


def test_a_function_runs_in_a_process_of_its_own():
    result, memory = load("timing").call(os.getppid)
    assert result == os.getpid()
    assert memory > 5e6  # on Linux also what this process has, as it began as a copy of it


def test_the_states_of_the_adder_of_the_package_are_the_carry():
    program = load("draw_automaton")
    run = program.open_run(program.SHIPPED_RUNS / "addition")
    weights, _ = program.checkpoints.load(run.best)
    after, written = program.behaviour(program.proof.tables_of(run, weights), run.task.alphabet)
    carry = program.merged(after, written)
    assert set(carry) == {0, 1}
    carry = carry != carry[0]  # at first there is none
    assert (carry[after] == (program.SUMS + carry[:, None] >= 10)).all()
