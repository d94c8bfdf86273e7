"""``arith-data show``: shows rows of a dataset, and statistics."""

import argparse

from seq2seq_arith.arithmetic.own_tasks import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE_WORDS, named_task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import check_int, options_of
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.pipelines.commands.asked import refuse_surplus
from seq2seq_arith.pipelines.showing import dataset, one_hot, sample


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Prints rows and statistics, or a question one character per line; returns the exit code."""
    refuse_surplus(rest, arguments.place, "show takes one directory, or one task")
    check_int("rows", arguments.rows, 0, sample.MOST_EXAMPLES)
    if is_task(arguments.place):
        task = named_task(arguments, arguments.place)
        examples = None
    else:
        if names := [name for name in (*options_of(Task), *SIZE_WORDS) if getattr(arguments, name) is not None]:
            flag = names[0].replace("_", "-")
            raise InputError(f"--{flag} is given, but {arguments.place} is not a task; leave it out")
        examples = sample.read(sample.find(arguments.place, rest))
        task = examples.task
    if arguments.one_hot is not None:
        print(one_hot.shown(task, arguments.one_hot, as_json=arguments.json))
    else:
        print(dataset.shown(examples or sample.draw(task), arguments.rows, as_json=arguments.json))
    return SUCCESS
