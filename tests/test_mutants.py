"""``make mutants`` on a small package: which faults there are, which are drawn, and what becomes of them."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from layout import ROOT

PROGRAM = ROOT / "tests" / "mutants.py"
MODULE = """
LIMIT = 3


def is_larger(left, right):
    return left > right


def unused(number):
    return not number


def count_down(number, step):
    while number:
        number -= step
"""
TESTS = """
from small import numbers


def test_larger():
    assert numbers.is_larger(2, 1) and not numbers.is_larger(1, 2)


def test_limit():
    assert numbers.LIMIT == 3


def test_end():
    assert numbers.count_down(3, 1) is None


def test_that_fails():
    assert not numbers.unused(0)
"""
KILLED, SURVIVED, NOT_COVERED = "killed", "survived", "not covered"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    for name, content in (("small/__init__.py", ""), ("small/numbers.py", MODULE), ("tests/test_numbers.py", TESTS)):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    return root


def run(checkout: Path) -> tuple[list[dict], str]:
    """The results of a run, and its output."""
    words = ("--root", checkout, "--packages", "small", "--faults", "99", "--seed", "1", "--seconds", "1")
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, PROGRAM, *words], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (results,) = checkout.glob("build/mutants/*/seed-1-faults-99.json")
    return json.loads(results.read_text()), done.stdout


@pytest.mark.slow
def test_what_becomes_of_faults(checkout):
    outcomes, printed = run(checkout)
    assert [(outcome["old"], outcome["new"], outcome["state"]) for outcome in outcomes] == [
        ("3", "(3 + 1)", KILLED),
        ("return left > right", "return None", KILLED),
        ("left > right", "(left >= right)", SURVIVED),
        # The only test that executes it fails without a fault, too.
        ("return not number", "return None", NOT_COVERED),
        ("not number", "(number)", NOT_COVERED),
        ("number", "(not (number))", SURVIVED),
        ("number -= step", "pass", KILLED),  # it never ends
    ]
    assert [outcome["reason"] for outcome in outcomes[:3]] == [
        "tests/test_numbers.py::test_limit",
        "tests/test_numbers.py::test_larger",
        "3 tests",
    ]
    assert "seed 1: 3 of 7 faults killed: 43%" in printed
    assert (checkout / "small" / "numbers.py").read_text() == MODULE


@pytest.mark.slow
def test_a_stopped_run_continues(checkout):
    (stored,) = checkout.glob("build/mutants/*/seed-1-faults-99.json")
    outcomes = json.loads(stored.read_text())
    outcomes[4]["reason"] = "as stored"
    stored.write_text(json.dumps(outcomes[:5]))
    continued, printed = run(checkout)
    assert continued[:5] == outcomes[:5] and [outcome["state"] for outcome in continued[5:]] == [SURVIVED, KILLED]
    assert "running the tests once" not in printed and "[as stored]" in printed


def test_each_seed_draws_others_and_as_many_from_each_package():
    mutants = SimpleNamespace(**runpy.run_path(str(PROGRAM)))
    faults = mutants.all_faults(ROOT, ["seq2seq_arith/base", "pipelines"])
    first, second = (mutants.draw(faults, 60, seed) for seed in (1, 2))
    assert first == mutants.draw(faults, 60, 1) != second
    of_base = [sum(fault.file.startswith("seq2seq_arith/base") for fault in drawn) for drawn in (first, second, faults)]
    for count in of_base[:2]:
        assert abs(count - 60 * of_base[2] / len(faults)) <= 1
    for fault in first:
        source = (ROOT / fault.file).read_bytes()
        assert source[fault.start : fault.end].decode() == fault.old != fault.new
        compile(source[: fault.start] + fault.new.encode() + source[fault.end :], fault.file, "exec")
