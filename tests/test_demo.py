"""What the recipes learn: the demo, as ``make demo`` runs it."""

import os
import re
import subprocess
import sys

import pytest
from layout import ROOT

from seq2seq_arith.trainer.recipes import DEMO_QUESTIONS, DEMO_TASKS
from seq2seq_arith.trainer.runs.summary import Summary

# The share of each slice of its suite that the best recipe of a task answers right; they reach more.
LEAST = {"addition": 0.99, "subtraction": 0.99, "pq": 0.99}


@pytest.mark.slow
def test_the_demo_learns_all_three(tmp_path):
    """Makes the three datasets, trains a model on each, and asks it hard questions."""
    assert set(LEAST) == set(DEMO_TASKS)
    command = [sys.executable, "-m", "seq2seq_arith.trainer", "demo", "--data-dir", "data", "--run-dir", "runs"]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert len((done.stdout + done.stderr).splitlines()) <= 60
    for total, right in re.findall(r"after ([\d,]+) of \1 steps: (\d+) of 10 right", printed):
        assert right == "10", total
    assert printed.count(" of 10 right, for example ") == 2 * len(DEMO_TASKS)
    assert printed.count("\nA proof checks all cases: does ") == len(DEMO_TASKS)
    table, _, story = printed.partition("\ntask ")[2].partition("\n\n")
    assert (table.count("✓"), table.count("✗")) == (len(DEMO_TASKS), 0)
    # The page shows the last table of a run; here is what no machine changes.
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in ("trained on", "proved", DEMO_QUESTIONS["subtraction"]):
        (shown,) = re.findall(f"^{row} .*$", story, re.MULTILINE)
        assert re.findall(f"^{row} .*$", page, re.MULTILINE)[-1] == shown
    for task in DEMO_TASKS:
        worst = Summary.read(tmp_path / "runs" / task / "summary.json").scores.worst()
        assert worst.exact_match >= LEAST[task], worst
        assert (tmp_path / "runs" / task / "history.png").is_file()
        assert (tmp_path / "runs" / task / "best.npz").is_file()
