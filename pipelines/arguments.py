"""The commands of ``arith-data`` and their options, with examples for ``--help``."""

import argparse
import re
from typing import Any

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import (
    DASHES_QUESTION,
    SIZE,
    add_task_file,
    add_task_options,
)
from seq2seq_arith.base import events
from seq2seq_arith.base.options import FIRST_OPTIONS, Parser, add_options, whole_number
from seq2seq_arith.base.packages import ShowVersions
from seq2seq_arith.base.terminal import add_log_options
from seq2seq_arith.pipelines.formats.layout import (
    DEFAULT_FORMATS,
    FORMATS,
    OPTIONAL_FORMATS,
    TFRECORD,
    Layout,
)
from seq2seq_arith.pipelines.prices import Prices

NAME = "arith-data"
MAX_WORKERS = 10**6  # for plan; more than there are
# The parameters of a task that stand at the head of the help.
FIRST_PARAMETERS = ("digits", "num_examples", "seed", "draws")
ONE_HOT = "--one-hot"
# Their standard output is what was asked for, and no events.
PRINTS_DATA = ("show", "suite")


def make_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = Parser(
        prog=NAME,
        description="Plans, makes, shows, checks and fetches datasets of arithmetic questions and answers.",
        examples=[
            f"{NAME} show addition",
            f"{NAME} generate addition --data-dir data",
            f"{NAME} generate --help",
        ],
    )
    parser.add_argument("--version", action=ShowVersions)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _add_show,
        _add_generate,
        _add_plan,
        _add_verify,
        _add_fetch,
        _add_suite,
        _add_card,
    ):
        add(commands)
    for name, command in commands.choices.items():
        if name not in PRINTS_DATA:
            events.add_options(command)
        add_task_file(command)
        add_log_options(command)
        command.add_help_option()
    parser.add_help_option()
    return parser


def _add_show(commands: Any) -> None:
    show = commands.add_parser(
        "show",
        help="show some rows of a dataset, and statistics",
        description="Shows what a dataset looks like: some rows as people write them and as they are stored, how many "
        "examples and duplicates there are, and statistics. Of a task, it draws the rows without making any file.",
        examples=[
            f"{NAME} show addition",
            f"{NAME} show subtraction --digits 8 --rows 20",
            f"{NAME} show data/seq2seq_arith/addition/1.0.0 --json",
            f"{NAME} show addition {ONE_HOT} 12+345",
            f"{NAME} show pq --dashes 20 {ONE_HOT} ---p--",
        ],
    )
    show.add_argument(
        "place",
        metavar="DIR_OR_TASK",
        help=f"a dataset's directory or URL, DATA_DIR/seq2seq_arith/CONFIG/1.0.0; or one of {', '.join(OPERATIONS)}",
    )
    show.add_argument("--rows", type=whole_number, default=5, help="how many examples (default: 5)")
    show.add_argument(
        ONE_HOT, metavar="QUESTION", help="instead, show this question in one-hot, such as 12+345 or ---p--"
    )
    show.add_argument("--json", action="store_true", help="print one JSON object")
    task = show.add_argument_group("a task", "Which dataset to draw. A directory has its own parameters.")
    add_task_options(task)


def _add_generate(commands: Any) -> None:
    generate = commands.add_parser(
        "generate",
        help="make a dataset",
        description="Makes a dataset with Apache Beam. Flags that are not listed here, such as --runner, go to Beam.",
        examples=[
            f"{NAME} generate addition --data-dir data",
            f"{NAME} generate pq --dashes 20 --data-dir data",
            f"{NAME} generate subtraction --digits 8 --num-examples 1000000 --seed 7 --data-dir data",
            f"{NAME} generate addition --data-dir gs://BUCKET/data --no-parquet",
        ],
    )
    first = generate.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "--data-dir", required=True, help="where datasets are kept, as TFDS's data_dir: a directory, gs://… or s3://…"
    )
    more = _add_dataset_options(generate, first)
    more.add_argument("--overwrite", action="store_true", help="replace a dataset of that name that has other files")
    more.add_argument(
        "--check", action="store_true", help="if the dataset is there already, compare every file with its sha256"
    )


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser(
        "plan",
        help="estimate what a dataset takes, without making it",
        description="Estimates what a dataset takes: draws, bytes, memory, time and cost. Nothing is made.",
        examples=[
            f"{NAME} plan addition",
            f"{NAME} plan addition --digits 7 --num-examples 100000000 --workers 64 --price-per-vcpu-hour 0.05",
        ],
    )
    first = plan.add_argument_group(FIRST_OPTIONS)
    first.add_argument("--workers", type=whole_number, default=2, help="cores that work on it (default: 2)")
    more = _add_dataset_options(plan, first)
    add_options(more, Prices)


def _add_verify(commands: Any) -> None:
    verify = commands.add_parser(
        "verify",
        help="check a finished dataset",
        description="Reads a dataset back, solves every question, and draws it again.",
        examples=[
            f"{NAME} verify data/seq2seq_arith/addition/1.0.0",
            f"{NAME} verify data/seq2seq_arith/addition/1.0.0 --quick",
        ],
    )
    verify.add_argument("directory", help="the dataset's directory or URL: DATA_DIR/seq2seq_arith/CONFIG/1.0.0")
    verify.add_argument("--quick", action="store_true", help="check names, sizes and checksums only, and no example")
    _add_sha256(verify)


def _add_fetch(commands: Any) -> None:
    fetch = commands.add_parser(
        "fetch",
        help="copy a finished dataset, for example from an object store",
        description="Copies a dataset, checks every file, and makes it visible when it is complete.",
        examples=[f"{NAME} fetch gs://BUCKET/data/seq2seq_arith/addition/1.0.0 data"],
    )
    fetch.add_argument("url", help="the dataset's URL or directory: DATA_DIR/seq2seq_arith/CONFIG/1.0.0")
    fetch.add_argument("data_dir", metavar="DIR", help="where datasets are kept here, as TFDS's data_dir")
    fetch.add_argument("--overwrite", action="store_true", help="replace a dataset that has other files")
    _add_sha256(fetch)


def _add_sha256(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sha256",
        metavar="DIGITS",
        type=_sha256,
        help="the sha256 that the dataset must have, as verify prints it; for data that others have made",
    )


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no sha256; give its 64 digits, 0-9 and a-f")
    return text


def _add_suite(commands: Any) -> None:
    suite = commands.add_parser(
        "suite",
        help="write hard questions in named slices",
        description="Writes a task's suite to standard output: hard questions in named slices, with their answers.",
        examples=[
            f"{NAME} suite subtraction --per-slice 5",
            f"{NAME} suite addition --digits 18 --format parquet > suite.parquet",
        ],
    )
    suite.add_argument("task", metavar="TASK", help=f"one of {', '.join(OPERATIONS)}")
    add_task_options(suite, [SIZE])
    add_options(suite, SuiteOptions)
    suite.add_argument(
        "--unseen-of",
        metavar="DIR",
        help="leave out the pairs of this dataset's training split, drawn again from its metadata: its shards are not "
        "read, so that damage is not noticed",
    )


def _add_card(commands: Any) -> None:
    card = commands.add_parser(
        "card",
        help="describe the datasets for Hugging Face",
        description="Writes DATA_DIR/seq2seq_arith/README.md, the dataset card of Hugging Face.",
        examples=[f"{NAME} card data"],
    )
    card.add_argument("data_dir", metavar="DATA_DIR", help="where datasets are kept, as TFDS's data_dir")


def _add_dataset_options(parser: argparse.ArgumentParser, first: Any) -> Any:
    """The task, and an option per field of ``Task`` and of ``Layout``, and per data format that can be left out.

    Args:
      parser: The parser of the command.
      first: Its group of the options that matter most.

    Returns:
      Its group of the other options.
    """
    parser.add_argument("task", metavar="TASK", help=f"one of {', '.join(OPERATIONS)}")
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


def with_question(words: list[str]) -> list[str]:
    """The arguments, where a question of dashes after --one-hot is its value and not an option."""
    joined: list[str] = []
    for word in words:
        if joined[-1:] == [ONE_HOT] and DASHES_QUESTION.fullmatch(word):
            joined[-1] = f"{ONE_HOT}={word}"
        else:
            joined.append(word)
    return joined
