"""The results that are stored: each has the settings of its recipe."""

import dataclasses
import functools

from layout import ROOT, TIMES_DIGIT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
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
    planned = {run.name: run for file in files for run in plan.read(file, [])}

    @functools.cache
    def configured(group: str, data_seed: int | None) -> tuple[Task, TrainConfig]:
        """The task and the configuration of the runs of a group on one dataset, which differ in their seeds only."""
        runs = (run for run in planned.values() if run.group == group)
        run = next(run for run in runs if run.settings.get(plan.DATA_SEED) == data_seed)
        return call(set_up, from_flags(parameters_of(set_up), run.settings, "train") | {"task": run.task})

    assert len(rows) > 30
    for row in rows:
        run = planned[f"{row.run}-seed{row.seed}"]
        task, config = configured(run.group, run.settings.get(plan.DATA_SEED))
        stored = TrainConfig.from_json(row.settings)
        resolved = config.resolved(on_gpu=False)
        assert stored == dataclasses.replace(resolved, seed=run.seed, deterministic=stored.deterministic), row.run
        assert row.dataset == task.config_name
        assert row.suite == run.suite
        assert row.hints == config.model.hints(task), row.run
