"""The registries: every entry can be used, refusals need no TensorFlow, and the pages have every entry."""

import dataclasses
import subprocess
import sys

from layout import ROOT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.trainer.arguments import parse_numbers
from seq2seq_arith.trainer.commands import parse
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.sweeps import plan, results


def test_refusals_and_help_import_nothing_heavy():
    code = """
import contextlib, sys
from seq2seq_arith.trainer.__main__ import main
for options in ("--model latch_tagger --view raw", "--view sideways", "--model lstm_transformer --hidden 9"):
    assert main(["train", "addition", "--data-dir", "D", "--run-dir", "R", *options.split()]) == 2, options
with contextlib.suppress(SystemExit):
    main(["train", "--help"])
heavy = {"tensorflow", "keras", "tensorflow_datasets", "matplotlib", "apache_beam"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_the_stored_results_are_those_of_the_recipes(monkeypatch, no_custom_tasks):
    """Whoever changes a recipe, or settings that were measured, measures them again."""
    monkeypatch.chdir(ROOT)  # from where code of one's own is named
    rows = results.read(ROOT / "benchmarks/results.jsonl")
    own_tasks.use(ROOT / "examples/times_digit.py")
    files = sorted((ROOT / "benchmarks").glob("*.toml"))
    planned = {
        each.name: each
        for file in files
        for each in plan.read(file, [], lambda text: parse_numbers("seeds", text, "0-9"))
    }
    assert len(rows) > 30
    for row in rows:
        each = planned[f"{row['run']}-seed{row['seed']}"]
        task, config = configuration(parse(["train", *each.words(), "--data-dir=D", "--run-dir=R"]))
        stored = TrainConfig.from_json(row["settings"])
        assert stored == dataclasses.replace(config, deterministic=stored.deterministic), row["run"]
        assert row["dataset"] == task.config_name
        assert row["suite"] == each.suite
