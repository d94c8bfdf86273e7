"""``arith-data suite``: writes the questions of a task's suite, which ``pipelines.suite`` draws, as a table."""

import argparse
import sys

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE, add_task_options, task_parameters
from seq2seq_arith.base.options import add_options, given
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.shared import TASK, refuse_surplus
from seq2seq_arith.pipelines.formats.layout import find_dataset

DOES = "write hard questions in named slices"
DESCRIPTION = "Write a task's suite to standard output: hard questions in named slices, with their answers."
EXAMPLES = ["suite subtraction --per-slice 5", "suite addition --digits 18 --set unforeseen > suite.tsv"]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help=TASK)
    add_task_options(parser, [SIZE])
    add_options(parser, SuiteOptions)
    parser.add_argument(
        "--unseen-of",
        metavar="DIR",
        help="leave out the pairs of this dataset's training split, drawn again from its metadata: its shards are not "
        "read, so that damage is not noticed",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the questions of a suite; returns the exit code."""
    from seq2seq_arith.pipelines.suite import build, written  # imports PyArrow

    unseen_of = args.unseen_of
    refuse_surplus(args, unseen_of or "", "suite takes one task")
    task = Task(args.task, **task_parameters(args, args.task, [SIZE]))
    chosen = SuiteOptions(**given(args, SuiteOptions))
    suite = build(task, chosen, find_dataset(unseen_of, args.rest) if unseen_of else None)
    print(written(task, suite), end="", flush=True)
    left_out = f"; {suite.left_out:,} left out, whose operands are in {printable(unseen_of)}" if unseen_of else ""
    count = f"{suite.num_questions:,} different question{'s' * (suite.num_questions != 1)}"
    print(f"version {suite.version}: {len(suite.pairs)} slices, {count}{left_out}", file=sys.stderr)
    return SUCCESS
