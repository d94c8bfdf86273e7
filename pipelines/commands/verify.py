"""``arith-data verify``: checks a dataset. It is short because each command has a module."""

import argparse
import time

from seq2seq_arith.base import events
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable
from seq2seq_arith.pipelines.commands.shared import DATASET, add_sha256, failed, refuse_surplus
from seq2seq_arith.pipelines.formats.layout import find_dataset

DOES = "check a finished dataset"
DESCRIPTION = (
    "Make a dataset again from its parameters, and compare every file; draw and solve 10,000 rows in plain Python."
)
EXAMPLES = ["verify data/seq2seq_arith/addition/1.0.0", "verify data/seq2seq_arith/addition/1.0.0 --quick"]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", help=DATASET)
    parser.add_argument("--quick", action="store_true", help="check names, sizes and checksums only, and no example")
    add_sha256(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what is wrong with a dataset, or what was checked; returns the exit code."""
    from seq2seq_arith.pipelines.checking.verify import verify  # imports PyArrow

    refuse_surplus(args, args.directory, "verify takes one directory")
    directory = find_dataset(args.directory, args.rest)
    start = time.perf_counter()
    try:
        result = verify(directory, args.quick, args.sha256)
    except OSError as error:
        return failed(f"{directory} cannot be read: {error.strerror or error}")
    for problem in result.problems:
        print(printable(problem))
    events.emit("result", path=directory, problems=result.problems, sha256=result.identity)
    if result.problems:
        return failed(result.advice) if result.advice else FAILURE
    print(f"{printable(str(directory))}: {result.summary}; {time.perf_counter() - start:.1f} s")
    print(f"sha256 of its metadata, which hold that of every file: {result.identity}")
    return SUCCESS
