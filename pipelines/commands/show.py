"""``arith-data show``: shows rows of a dataset, and statistics."""

import argparse
from pathlib import Path

from seq2seq_arith.arithmetic.own_tasks import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE_WORDS, add_task_options, named_task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import check_int, options_of, whole_number
from seq2seq_arith.base.terminal import SUCCESS, wrapped
from seq2seq_arith.pipelines.commands.shared import TASK, refuse_surplus
from seq2seq_arith.pipelines.formats.layout import find_dataset
from seq2seq_arith.pipelines.showing import dataset, one_hot, sample

ONE_HOT = "--one-hot"
DOES = "show some rows of a dataset, and statistics"
DESCRIPTION = (
    "Show what a dataset looks like: some rows as people write them and as they are stored, how many examples and "
    "duplicates there are, and statistics. Of a task, draw the rows without making any file."
)
EXAMPLES = [
    "show addition",
    "show subtraction --digits 8 --rows 20",
    "show data/seq2seq_arith/addition/1.0.0",
    f"show addition {ONE_HOT} 12+345",
    f"show pq --dashes 20 {ONE_HOT} ---p--",
]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "place",
        metavar="DIR_OR_TASK",
        help=f"a dataset's directory or URL, DATA_DIR/seq2seq_arith/CONFIG/1.0.0; or {TASK}",
    )
    parser.add_argument("--rows", type=whole_number, default=5, help="how many examples (default: 5)")
    parser.add_argument(
        ONE_HOT, metavar="QUESTION", help="instead, show this question in one-hot, such as 12+345 or ---p--"
    )
    add_task_options(parser.add_argument_group("a task", "Which dataset to draw. A directory has its own parameters."))


def run(args: argparse.Namespace) -> int:
    """Prints rows and statistics, or a question one character per line; returns the exit code."""
    refuse_surplus(args, args.place, "show takes one directory, or one task")
    check_int("rows", args.rows, 0, sample.MOST_EXAMPLES)
    if is_task(args.place):
        task, examples = named_task(args, args.place), None
    else:
        if "/" not in args.place and not Path(args.place).exists():
            Task(args.place)  # says which tasks there are
        if names := [name for name in (*options_of(Task), *SIZE_WORDS) if getattr(args, name) is not None]:
            flag = names[0].replace("_", "-")
            raise InputError(f"--{flag} is given, but {args.place} is not a task; leave it out")
        examples = sample.read(find_dataset(args.place, args.rest, ", or a task"))
        task = examples.task
    if args.one_hot is not None:
        print(one_hot.picture(task, *one_hot.encode(task, args.one_hot)))
    else:
        examples = examples or sample.draw(task)
        print(f"{wrapped(dataset.introduction(examples, args.rows))}\n\n{dataset.statistics(examples)}")
    return SUCCESS
