"""``arith-data plan``: says what a dataset takes, and makes nothing."""

import dataclasses
from typing import Annotated, NamedTuple

from seq2seq_arith.base import events
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.tables import bytes_in_words, pairs
from seq2seq_arith.base.terminal import say
from seq2seq_arith.pipelines import plan as plans
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, Requested, requested
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, FORMATS, TFRECORD

MAX_WORKERS = 10**6  # more than there are


class Planned(NamedTuple):
    """A dataset that was asked for, and what it would take."""

    dataset: Requested
    plan: plans.Plan


def show_plan(
    planned: Planned,
    *,
    workers: Annotated[int, Option("number of cores for the estimate of the time", low=1, high=MAX_WORKERS)] = 2,
) -> None:
    """Prints the time, memory and files that a dataset would take, as a table."""
    dataset, plan = planned
    task, layout = dataset.task, dataset.layout
    local, runner = (f"{plan.seconds(workers, local):,.1f} s" for local in (True, False))
    rows = {
        "dataset": f"seq2seq_arith/{task.config_name}",
        "examples": f"{task.num_examples:,}",
        "draws": f"{plan.draws:,}, with about {plan.distinct:,.0f} different pairs",
        "shards": f"{layout.num_shards:,} of each split",
        "shuffle": bytes_in_words(plan.shuffle_bytes),
    }
    for name, title in FORMATS.items():
        if name in plan.file_bytes:
            rows[title] = f"{'' if name == TFRECORD else 'about '}{bytes_in_words(plan.file_bytes[name])}"
        elif name in DEFAULT_FORMATS:
            rows[title] = "none"
    rows["memory"] = (
        f"about {bytes_in_words(plan.local_memory)} in a local run, "
        f"{bytes_in_words(plan.worker_memory)} per core on a runner"
    )
    rows["time"] = f"about {local} on {workers:,} cores in a local run, {runner} on a runner, without its start"
    events.emit("result", examples=task.num_examples, **dataclasses.asdict(plan))
    say("\n".join(filter(None, [dataset.fewer, pairs(rows)])))


@ARITH_DATA.command(
    "estimate the time, memory and storage that a dataset takes",
    "plan addition",
    "plan addition --digits 7 --num-examples 100000000 --workers 64",
    description="Estimate the time, memory and storage that a dataset takes, and how many samples it draws.\n\n"
    "Nothing is generated.",
    show=show_plan,
)
def plan(dataset: Annotated[Requested, Options(requested)]) -> Planned:
    """The draws, bytes, memory and time that a dataset would take."""
    return Planned(dataset, plans.plan(dataset.task, dataset.layout))
