"""``arith-data suite``: writes questions of a suite."""

import argparse
import sys

from seq2seq_arith.arithmetic.suites import PARQUET, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE, task_parameters
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import given
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.pipelines.commands.asked import refuse_surplus
from seq2seq_arith.pipelines.places.paths import parse_place
from seq2seq_arith.pipelines.suite import build, written


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Prints the questions of a suite; returns the exit code."""
    unseen_of = arguments.unseen_of
    refuse_surplus(rest, unseen_of or "", "suite takes one task")
    task = Task(arguments.task, **task_parameters(arguments, arguments.task, [SIZE]))
    chosen = SuiteOptions(**given(arguments, SuiteOptions))
    if chosen.format == PARQUET and sys.stdout.isatty():
        raise InputError("--format is parquet, which a terminal cannot show; write it to a file: > suite.parquet")
    suite = build(task, chosen, parse_place(unseen_of, rest) if unseen_of else None)
    sys.stdout.buffer.write(written(task, suite, chosen.format))
    sys.stdout.buffer.flush()
    left_out = f"; {suite.left_out:,} left out, whose operands are in {unseen_of}" if unseen_of else ""
    count = f"{suite.num_questions:,} different question{'s' * (suite.num_questions != 1)}"
    print(f"{len(suite.pairs)} slices, {count}{left_out}", file=sys.stderr)
    return SUCCESS
