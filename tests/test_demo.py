"""What the recipes learn: the demo, as ``make demo`` runs it, and two recipes that are not part of it."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from layout import ROOT

from seq2seq_arith.trainer.recipes import DEMO_TASKS

# The share of each slice of its suite that the best recipe of a task answers right; they reach more.
LEAST = {"addition": 0.99, "subtraction": 0.99, "pq": 0.99}
LEAST_AT_LENGTHS = 0.99
# The exact match that multiplication reaches within 2,400 steps; a run of as many examples reached 0.83.
LEAST_OF_MULTIPLICATION = 0.6


@pytest.mark.slow
def test_the_demo_learns_all_three(tmp_path):
    """Makes the three datasets, trains a model on each, and asks it hard questions."""
    assert set(LEAST) == set(DEMO_TASKS)
    said = run("seq2seq_arith.trainer", "demo", "--data-dir", "data", "--run-dir", "runs", cwd=tmp_path)
    assert said.count(" pairs were drawn, and ") == len(DEMO_TASKS)
    end, _, steps = said.partition("hard questions")[2].partition("\ntry next\n")
    end, _, story = end.partition("\n\n")
    assert [line.split()[-1] for line in end.splitlines()[3:]] == ["✓"] * len(DEMO_TASKS)
    assert len(steps.splitlines()) == 6
    # The page shows the last table of a run; here is what no machine changes.
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in ("trained on", "examples seen", "85380-85380"):
        assert re.findall(f"^{row} .*$", story, re.MULTILINE) == re.findall(f"^{row} .*$", page, re.MULTILINE)[-1:], row
    for task in DEMO_TASKS:
        worst = json.loads((tmp_path / "runs" / task / "summary.json").read_text())["worst_slice"]
        assert worst["exact_match"] >= LEAST[task], worst
        assert (tmp_path / "runs" / task / "history.png").is_file()
        assert (tmp_path / "runs" / task / "best.npz").is_file()


@pytest.mark.release
def test_multiplication_is_learned(tmp_path):
    """A part of its best recipe, which takes minutes."""
    where = ("--data-dir", "data", "--run-dir", "run")
    steps = ("--epochs", "2", "--steps-per-epoch", "1200")
    run("seq2seq_arith.trainer", "train", "multiplication", *where, *steps, cwd=tmp_path)
    assert best_exact_match(tmp_path / "run") >= LEAST_OF_MULTIPLICATION


@pytest.mark.release
def test_addition_carries_over_to_longer_questions(tmp_path):
    """Trained on at most five digits, asked at 5, 18 and 120."""
    where = ("--data-dir", "data", "--run-dir", "run")
    run("seq2seq_arith.trainer", "train", "addition", "--recipe", "lengths", *where, cwd=tmp_path)
    worst = worst_slices(tmp_path / "run", lengths=(18, 120))
    assert len(worst) == 3
    assert [(name, share) for name, share in worst if share < LEAST_AT_LENGTHS] == []


def worst_slices(folder: Path, lengths: Sequence[int] = ()) -> list[tuple[str, float]]:
    """The worst slice of a run at the size of its training, and at others: its name and the share that is right."""
    code = """
import json, sys
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.trainer.asking.suites import ask_run
from seq2seq_arith.trainer.runs.run import open_run
results = ask_run(open_run(sys.argv[1]), SuiteOptions(seed=9, per_slice=200), lengths=[*map(int, sys.argv[2:])])
print(json.dumps([(each.worst.name, each.worst.all.exact_match) for each in results]))
"""
    said = python("-c", code, str(folder), *map(str, lengths), cwd=folder.parent)
    return [tuple(each) for each in json.loads(said.splitlines()[-1])]


def best_exact_match(folder: Path) -> float:
    with (folder / "history.csv").open() as file:
        return max(float(row["val_exact_match"]) for row in csv.DictReader(file))


def run(module: str, *arguments: str, cwd: Path) -> str:
    return python("-m", module, *arguments, cwd=cwd)


def python(*arguments: str, cwd: Path) -> str:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
