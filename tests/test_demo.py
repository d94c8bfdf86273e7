"""The demo as ``make demo`` runs it: the three datasets made, read through TFDS, and learned."""

import csv
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# The least that is promised of the best recipes; they reach more.
LEAST = {"addition": 0.99, "subtraction": 0.95, "pq": 0.95}


def test_the_demo_learns_all_three(tmp_path):
    for task in LEAST:
        run("seq2seq_arith.pipelines", "generate", task, "--data-dir", "data", cwd=tmp_path)
    said = run("seq2seq_arith.trainer", "demo", "--data-dir", "data", "--run-dir", "runs", cwd=tmp_path)
    assert "✓" in said
    for task, least in LEAST.items():
        with (tmp_path / "runs" / task / "history.csv").open() as file:
            assert max(float(row["val_exact_match"]) for row in csv.DictReader(file)) >= least
        assert f"{task}/history.png" in said
        assert (tmp_path / "runs" / task / "best.npz").is_file()


def run(module: str, *arguments: str, cwd) -> str:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
