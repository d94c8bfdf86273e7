"""``arith-data plan``: says what a dataset takes, and makes nothing."""

import argparse
import dataclasses
from collections.abc import Mapping

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import given
from seq2seq_arith.base.tables import bytes_in_words
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.pipelines.arguments import MAX_WORKERS, NAME
from seq2seq_arith.pipelines.commands.asked import asked_dataset, print_fewer
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, FORMATS, TFRECORD
from seq2seq_arith.pipelines.plan import plan
from seq2seq_arith.pipelines.prices import Prices


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Prints the time, memory and files that the dataset would take; returns the exit code."""
    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; see {NAME} plan --help")
    task, layout = asked_dataset(arguments)
    planned = plan(task, layout)
    prices = Prices(**given(arguments, Prices))
    workers = arguments.workers
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError(f"--workers is {workers}; give 1 to {MAX_WORKERS}")
    local, engine = (f"{planned.seconds(workers, local):,.1f} s" for local in (True, False))
    print_fewer(task, arguments)
    rows = {
        "dataset": f"seq2seq_arith/{task.config_name}",
        "examples": f"{task.num_examples:,}",
        "draws": f"{planned.draws:,}, with about {planned.distinct:,.0f} different pairs",
        "shards": (
            f"{layout.num_shards:,} of each split, "
            f"the largest with {planned.hottest:.2f} times as many draws as the mean"
        ),
        "shuffle": (
            f"about {bytes_in_words(planned.shuffle_bytes)} for {planned.shuffled:,.0f} draws; "
            f"then {bytes_in_words(planned.kept_bytes)} of kept draws are handed over"
        ),
        **{
            title: _size(planned.file_bytes, name)
            for name, title in FORMATS.items()
            if name in {*DEFAULT_FORMATS, *layout.formats}
        },
        "memory": (
            f"about {bytes_in_words(planned.local_memory)} in a local run, "
            f"{bytes_in_words(planned.worker_memory)} per core on an engine"
        ),
        "requests": f"about {planned.requests:,} to an object store",
        "time": f"about {local} on {workers:,} cores in a local run, {engine} on an engine, without its start",
    }
    if cost := planned.cost(prices):
        rows["cost"] = str(cost)
    events.emit("result", examples=task.num_examples, **dataclasses.asdict(planned))
    width = max(10, *(len(name) + 2 for name in rows))
    for name, value in rows.items():
        print(f"{name:{width}}{value}")
    return SUCCESS


def _size(file_bytes: Mapping[str, int], name: str) -> str:
    """The bytes of a format's files, in words."""
    if name not in file_bytes:
        return "none"
    return f"{'' if name == TFRECORD else 'about '}{bytes_in_words(file_bytes[name])}"
