"""``arith-data plan``: says what a dataset takes, and makes nothing."""

import dataclasses
from typing import Annotated

from seq2seq_arith.base import events
from seq2seq_arith.base.options import FIRST, Option, Options
from seq2seq_arith.base.tables import bytes_in_words, pairs
from seq2seq_arith.pipelines import plan as plans
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, Requested, requested
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, FORMATS, TFRECORD

MAX_WORKERS = 10**6  # more than there are


@ARITH_DATA.command(
    "estimate what a dataset takes, without making it",
    "plan addition",
    "plan addition --digits 7 --num-examples 100000000 --workers 64",
    description="Estimate what a dataset takes: draws, bytes, memory and time. Nothing is made.",
)
def plan(
    dataset: Annotated[Requested, Options(requested)],
    *,
    workers: Annotated[int, Option("cores that work on it", low=1, high=MAX_WORKERS, group=FIRST)] = 2,
) -> str:
    """The time, memory and files that a dataset would take, as a table."""
    task, layout = dataset.task, dataset.layout
    planned = plans.plan(task, layout)
    local, engine = (f"{planned.seconds(workers, local):,.1f} s" for local in (True, False))
    rows = {
        "dataset": f"seq2seq_arith/{task.config_name}",
        "examples": f"{task.num_examples:,}",
        "draws": f"{planned.draws:,}, with about {planned.distinct:,.0f} different pairs",
        "shards": f"{layout.num_shards:,} of each split",
        "shuffle": bytes_in_words(planned.shuffle_bytes),
    }
    for name, title in FORMATS.items():
        if name in planned.file_bytes:
            rows[title] = f"{'' if name == TFRECORD else 'about '}{bytes_in_words(planned.file_bytes[name])}"
        elif name in DEFAULT_FORMATS:
            rows[title] = "none"
    rows["memory"] = (
        f"about {bytes_in_words(planned.local_memory)} in a local run, "
        f"{bytes_in_words(planned.worker_memory)} per core on an engine"
    )
    rows["time"] = f"about {local} on {workers:,} cores in a local run, {engine} on an engine, without its start"
    events.emit("result", examples=task.num_examples, **dataclasses.asdict(planned))
    return "\n".join(filter(None, [dataset.fewer, pairs(rows)]))
