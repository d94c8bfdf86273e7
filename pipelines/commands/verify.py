"""``arith-data verify``: checks a dataset."""

import argparse
import time

from seq2seq_arith.base import events
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.commands.asked import refuse_surplus
from seq2seq_arith.pipelines.commands.ended import failed
from seq2seq_arith.pipelines.places.paths import parse_place


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Prints what is wrong with a dataset, or what was checked; returns the exit code."""
    refuse_surplus(rest, arguments.directory, "verify takes one directory")
    directory = parse_place(arguments.directory, rest)
    start = time.perf_counter()
    try:
        result = verify(directory, arguments.quick, arguments.sha256)
    except OSError as error:
        return failed(f"{directory} cannot be read: {error.strerror or error}")
    for problem in result.problems:
        print(printable(problem))
    events.emit("result", path=directory, problems=result.problems, sha256=result.identity)
    if result.problems:
        return failed(result.advice) if result.advice else FAILURE
    print(f"{printable(arguments.directory)}: {result.summary}; {time.perf_counter() - start:.1f} s")
    print(f"sha256 of its metadata, which hold that of every file: {result.identity}")
    return SUCCESS
