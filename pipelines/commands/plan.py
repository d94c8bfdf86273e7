"""``arith-data plan``: says what a dataset takes, and makes nothing."""

import argparse
import dataclasses

from seq2seq_arith.base import events
from seq2seq_arith.base.options import FIRST_OPTIONS, check_int, whole_number
from seq2seq_arith.base.tables import bytes_in_words, pairs
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.pipelines.commands.shared import add_dataset_options, print_fewer, requested_dataset
from seq2seq_arith.pipelines.formats.layout import DEFAULT_FORMATS, FORMATS, TFRECORD
from seq2seq_arith.pipelines.plan import plan

MAX_WORKERS = 10**6  # more than there are
DOES = "estimate what a dataset takes, without making it"
DESCRIPTION = "Estimate what a dataset takes: draws, bytes, memory and time. Nothing is made."
EXAMPLES = ["plan addition", "plan addition --digits 7 --num-examples 100000000 --workers 64"]


def options(parser: argparse.ArgumentParser) -> None:
    first = parser.add_argument_group(FIRST_OPTIONS)
    first.add_argument("--workers", type=whole_number, default=2, help="cores that work on it (default: 2)")
    add_dataset_options(parser, first)


def run(args: argparse.Namespace) -> int:
    """Prints the time, memory and files that the dataset would take; returns the exit code."""
    args.parser.refuse_unknown(args.rest)
    task, layout = requested_dataset(args)
    planned = plan(task, layout)
    workers = check_int("--workers", args.workers, 1, MAX_WORKERS)
    local, engine = (f"{planned.seconds(workers, local):,.1f} s" for local in (True, False))
    print_fewer(task, args)
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
    print(pairs(rows))
    return SUCCESS
