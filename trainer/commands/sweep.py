"""``arith-model sweep``: trains many runs, and collects their results."""

import argparse
import json
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import check_int
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer.arguments import asked_suite, parse, parse_lengths, parse_numbers
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.sweeps import plan
from seq2seq_arith.trainer.sweeps.plan import Planned

MAX_JOBS = 64


def run(args: argparse.Namespace) -> int:
    """Trains many runs, and collects their results."""
    from seq2seq_arith.trainer.data import making
    from seq2seq_arith.trainer.sweeps.runner import Runner

    if args.task_file:
        raise InputError(f"--task-file is given; give it in {args.file}: task-file = {json.dumps(args.task_file)}")
    planned = plan.read(expanded(args.file), _seeds(args.seeds), _seeds)
    check_int("jobs", args.jobs, 1, MAX_JOBS)
    datasets, settings = {}, {}
    for each in planned:
        try:
            task, settings[each.name] = checked(each)
        except InputError as error:
            raise InputError(f"{args.file}, runs {each.group}: {error}") from None
        datasets[task.config_name] = task
    # One after the other: of two runs that need a dataset, one would be refused while the other makes it.
    for task in datasets.values():
        making.make_missing(task, args.data_dir)
    Runner(planned, settings, run_dir=args.run_dir, data_dir=args.data_dir, jobs=args.jobs).run()
    return SUCCESS


def checked(planned: Planned) -> tuple[Task, dict[str, Any]]:
    """The dataset and the settings of a planned run, of which ``train`` and ``evaluate`` will accept each.

    Raises:
      InputError: They will not.
    """
    asked = parse(["train", *planned.words(), "--data-dir=D", "--run-dir=R"])
    registry.use(asked.task_file)
    task, config = configuration(asked)
    suite = parse(["evaluate", "R", *plan.typed(planned.suite)])
    asked_suite(suite)
    for length in parse_lengths(suite.lengths):
        Run(Path("R"), task, "", "", config).task_of_length(length)
    return task, {"dataset": task.config_name, "train": config.to_json(), "suite": planned.suite}


def _seeds(text: str) -> list[int]:
    return parse_numbers("seeds", text, "0-9 or 1,5")
