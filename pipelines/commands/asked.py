"""What the arguments of several commands ask for."""

import argparse

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import named_task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import given
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS, Layout, choose_formats


def asked_dataset(arguments: argparse.Namespace) -> tuple[Task, Layout]:
    """The dataset that the arguments name, and its layout."""
    task = named_task(arguments, arguments.task)
    formats = choose_formats({name: getattr(arguments, name) for name in OPTIONAL_FORMATS})
    return task, Layout.of(task, formats=formats, **given(arguments, Layout))


def refuse_surplus(rest: list[str], place: str, takes: str) -> None:
    """Refuses further arguments, except for Beam's flags and their values if the place is in a store."""
    for before, word in zip(["", *rest], rest, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if "://" not in place or not (word.startswith("--") or is_value):
            raise InputError(f"{word!r} is one argument too many; {takes}, then Beam's flags for a store")


def print_fewer(task: Task, arguments: argparse.Namespace) -> None:
    """Says so if the dataset has fewer examples than usual, because there are not more, or more are not practical."""
    usual = task.defaults["num_examples"]
    if arguments.num_examples is None and task.num_examples != usual:
        all_pairs = task.num_examples == coverage.key_classes(task).total
        why = f"{task.description} has no more pairs" if all_pairs else f"more are not practical for {task.description}"
        print(f"this dataset has {task.num_examples:,} examples, and not {usual:,}: {why}")
