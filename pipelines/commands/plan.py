"""``arith-data plan``: estimates the cost of a dataset, and generates nothing."""

import dataclasses
from typing import Annotated, NamedTuple

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.tables import bytes_in_words, pairs
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, say
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, DataDir, Requested, requested
from seq2seq_arith.pipelines.formats.layout import DATA, DEFAULT_FORMATS, FORMATS, TFRECORD
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.storage.paths import parse_place

MAX_WORKERS = 10**6  # more than there are
LEAST_HOURS = 0.01


class Planned(NamedTuple):
    """A dataset that was asked for, and the request that would make it."""

    dataset: Requested
    request: Request


def show_plan(
    planned: Planned,
    *,
    workers: Annotated[int, Option("number of cores for the estimate of the time", low=1, high=MAX_WORKERS)] = 2,
) -> int:
    """Prints the time, memory and files that a dataset would take, as a table; returns 1 if it does not fit."""
    dataset, plan = planned.dataset, planned.request.plan
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
        f"{bytes_in_words(plan.worker_memory)} per worker process of one thread on a runner"
    )
    rows["files"] = f"{plan.num_files:,}, with about {plan.num_requests:,} requests to a store"
    about = f"about {float(f'{plan.core_hours:.2g}'):,g}" if plan.core_hours >= LEAST_HOURS else f"under {LEAST_HOURS}"
    rows["work"] = f"{about} core hours"
    rows["time"] = f"about {local} on {workers:,} cores in a local run, {runner} on a runner, without its start"
    misfits = _misfits(planned.request)
    events.emit("result", examples=task.num_examples, **dataclasses.asdict(plan), misfits=misfits)
    say("\n".join([*filter(None, [dataset.fewer]), pairs(rows), *(f"does not fit here: {why}" for why in misfits)]))
    return FAILURE if misfits else SUCCESS


def _misfits(request: Request) -> list[str]:
    """Why ``generate`` would refuse the dataset in this place, or without a runner."""
    misfits = []
    for check in (request.check_place, request.check_memory):
        try:
            check()
        except InputError as error:
            misfits.append(str(error))
    return misfits


@ARITH_DATA.command(
    "estimate the time, memory and storage that a dataset takes",
    "plan addition",
    "plan addition --digits 7 --num-examples 100000000 --workers 64",
    description="Estimate the time, memory and storage that a dataset takes, and how many samples it draws.\n\n"
    "Nothing is generated. The exit code is 1 if the dataset needs more memory or storage than there is.",
    show=show_plan,
)
def plan(dataset: Annotated[Requested, Options(requested)], *, data_dir: DataDir = DATA) -> Planned:
    """Estimates the number of draws, the storage, the memory and the time that a dataset needs."""
    return Planned(dataset, Request(dataset.task, dataset.layout, parse_place(data_dir)))
