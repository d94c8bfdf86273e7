"""The results that are stored: each has the settings of its recipe."""

import dataclasses

from layout import ROOT, TIMES_DIGIT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.base.options import call, from_flags, parameters_of
from seq2seq_arith.trainer.commands.train import set_up
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.sweeps import plan, results


def test_the_stored_results_are_those_of_the_recipes(monkeypatch, no_custom_tasks):
    """Whoever changes a recipe, or settings that were measured, measures them again."""
    monkeypatch.chdir(ROOT)  # from where code of one's own is named
    rows = results.read(ROOT / "benchmarks/results.jsonl")
    own_tasks.use(TIMES_DIGIT)
    files = sorted((ROOT / "benchmarks").glob("*.toml"))
    planned = {each.name: each for file in files for each in plan.read(file, [])}
    assert len(rows) > 30
    for row in rows:
        each = planned[f"{row.run}-seed{row.seed}"]
        settings = from_flags(parameters_of(set_up), each.settings, "train") | {"seed": each.seed}
        task, config = call(set_up, settings | {"task": each.task})
        stored = TrainConfig.from_json(row.settings)
        assert stored == dataclasses.replace(config, deterministic=stored.deterministic), row.run
        assert row.dataset == task.config_name
        assert row.suite == each.suite
        assert row.hints == config.model.hints(task), row.run
