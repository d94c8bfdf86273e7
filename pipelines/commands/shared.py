"""What several commands share: options, what they ask for, and how a command ends."""

import argparse
import json
import re
import shlex
from typing import Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import add_task_options, named_task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import add_options, given, mistyped_option
from seq2seq_arith.base.terminal import FAILURE, fail
from seq2seq_arith.pipelines.formats.layout import (
    DEFAULT_FORMATS,
    FORMATS,
    OPTIONAL_FORMATS,
    PROGRAM,
    TFRECORD,
    Layout,
    choose_formats,
    task_file,
)
from seq2seq_arith.pipelines.places.paths import AnyPath

# The parameters of a task that stand at the head of the help.
FIRST_PARAMETERS = ("digits", "num_examples", "seed", "draws")
TASK = f"one of {', '.join(BUILT_IN)}"
DATASET = "the dataset's directory or URL, as DATA_DIR/seq2seq_arith/CONFIG/1.0.0; on a disk also a folder above it"
NOTHING_LEFT = "nothing was left behind"


def add_dataset_options(parser: argparse.ArgumentParser, first: Any) -> Any:
    """Adds the task, and options of ``Task``, ``Layout`` and the formats; returns the group of the less important."""
    parser.add_argument("task", metavar="TASK", help=TASK)
    more = parser.add_argument_group("more options")
    add_task_options(more, first=first, first_names=FIRST_PARAMETERS)
    add_options(more, Layout)
    for name in OPTIONAL_FORMATS:
        is_default = name in DEFAULT_FORMATS
        more.add_argument(
            f"--{name.replace('_', '-')}",
            action=argparse.BooleanOptionalAction,
            default=is_default,
            help=f"write {FORMATS[name]} beside {FORMATS[TFRECORD]} (default: {'yes' if is_default else 'no'})",
        )
    return more


def add_sha256(parser: argparse.ArgumentParser) -> None:
    """The option of the sha256 that a dataset must have."""
    parser.add_argument(
        "--sha256",
        metavar="DIGITS",
        type=_sha256,
        help="the sha256 that the dataset must have, as verify prints it; for data that others have made",
    )


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a sha256; give its 64 digits, 0-9 and a-f")
    return text


def requested_dataset(args: argparse.Namespace) -> tuple[Task, Layout]:
    """The dataset that the arguments name, and its layout."""
    task = named_task(args, args.task)
    formats = choose_formats({name: getattr(args, name) for name in OPTIONAL_FORMATS})
    return task, Layout.of(task, formats=formats, **given(args, Layout))


def refuse_surplus(args: argparse.Namespace, place: str, takes: str) -> None:
    """Refuses further arguments, except for Beam's flags and their values if the place is in a store."""
    for before, word in zip(["", *args.rest], args.rest, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if "://" not in place or not (word.startswith("--") or is_value):
            surplus, takes = f"{word!r} is one argument too many", f"{takes}, then Beam's flags for a store"
            raise InputError(surplus + mistyped_option(word, args.parser.option_names, takes))


def print_fewer(task: Task, args: argparse.Namespace) -> None:
    """Says so if the dataset has fewer examples than usual, because there are not more, or more are not practical."""
    usual = task.defaults["num_examples"]
    if args.num_examples is None and task.num_examples != usual:
        all_pairs = task.num_examples == coverage.key_classes(task).total
        why = f"{task.description} has no more pairs" if all_pairs else f"more are not practical for {task.description}"
        print(f"this dataset has {task.num_examples:,} examples, and not {usual:,}: {why}")


def print_load(task: Task, path: AnyPath, data_dir: str) -> None:
    """Prints the commands that fetch and load a dataset; Beam's flags for a store have to be added."""
    if "://" in data_dir:
        print(f"fetch it with: {shlex.join([PROGRAM, 'fetch', str(path), 'DIR', *task_file(task)])}")
    if data_dir.startswith("s3://"):
        return  # TensorFlow cannot read from S3
    name = "seq2seq_arith" if task == Task() else f"seq2seq_arith/{task.config_name}"
    print(
        f'load it with: tfds.load("{name}", data_dir={json.dumps(data_dir, ensure_ascii=not data_dir.isprintable())})'
    )


def failed(message: str, code: int = FAILURE, advice: str = "") -> int:
    """Says why a command failed, and what to do; returns the exit code."""
    return fail(PROGRAM, message, code, advice)
