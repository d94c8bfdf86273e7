"""What several commands have in common: the dataset that is asked for, and how they end."""

import argparse

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task_options import named_task
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import given
from seq2seq_arith.base.terminal import FAILURE, fail, python_literal
from seq2seq_arith.pipelines.arguments import NAME
from seq2seq_arith.pipelines.formats.command import fetch_command
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS, Layout, choose_formats
from seq2seq_arith.pipelines.places.paths import AnyPath

NOTHING_LEFT = "nothing was left behind"


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


def print_load(task: Task, path: AnyPath, data_dir: str) -> None:
    """Prints the commands that fetch and load a dataset; each works as it is typed."""
    if "://" in data_dir:
        print(f"fetch it with: {fetch_command(task, path)}")
    if data_dir.startswith("s3://"):
        return  # TensorFlow cannot read from S3
    name = "seq2seq_arith" if task == Task() else f"seq2seq_arith/{task.config_name}"
    literal = python_literal(data_dir)
    if any("\udc80" <= each <= "\udcff" for each in data_dir):  # a byte that is not part of a character
        print(f"tfds.load opens no directory whose name is not UTF-8, such as {literal}; rename it, then load it")
        return
    print(f'load it with: tfds.load("{name}", data_dir={literal})')


def failed(message: str, code: int = FAILURE, advice: str = "") -> int:
    """Says why a command failed, and what to do; returns the exit code."""
    return fail(NAME, message, code, advice)
