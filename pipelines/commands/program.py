"""The program ``arith-data``, and what several of its commands share: parameters, input errors, how to load."""

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, TaskName, named_task, use_task_file
from seq2seq_arith.base.checks import mistyped_option
from seq2seq_arith.base.commands import Program, Rest
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import Group, Option, Options, Parameter
from seq2seq_arith.pipelines.formats.advice import PROGRAM, task_file
from seq2seq_arith.pipelines.formats.layout import (
    DATA_DIR_VARIABLE,
    DEFAULT_FORMATS,
    FORMATS,
    OPTIONAL_FORMATS,
    PARQUET,
    TFRECORD,
    WRITTEN,
    Layout,
    choose_formats,
)
from seq2seq_arith.pipelines.storage.paths import AnyPath

NOTHING_LEFT = "nothing was left behind"
ARITH_DATA = Program(
    name=PROGRAM,
    does="Generate, check and fetch datasets of arithmetic questions, and score answers to hard ones.",
    examples=["show addition", "generate addition", "generate --help"],
    setup=use_task_file,
    when_stopped=f"; {NOTHING_LEFT}",
)

DATASET = (
    "directory or URL of the dataset, DATA_DIR/seq2seq_arith/CONFIG/1.0.0; on a disk, also a directory above it "
    "with one dataset"
)
DATA_DIR = "directory of all datasets, the data_dir of TFDS"
FILES, WHERE = Group("files", is_detail=True), Group("where")
DataDir = Annotated[
    str,
    Option(f"{DATA_DIR}: a local one, gs://... or s3://...", metavar="DIR", variable=DATA_DIR_VARIABLE, group=WHERE),
]


class _FormatOptions(Mapping[str, Parameter]):
    """An option for each optional format that there is."""

    def __getitem__(self, name: str) -> Parameter:
        others = FORMATS[TFRECORD] if name != WRITTEN else f"{FORMATS[TFRECORD]}; it replaces {FORMATS[PARQUET]}"
        help = f"also write {FORMATS[name]}, besides {others}"
        return Parameter(name, bool, Option(help), name in DEFAULT_FORMATS)

    def __iter__(self) -> Iterator[str]:
        return iter(OPTIONAL_FORMATS)

    def __len__(self) -> int:
        return len(OPTIONAL_FORMATS)


def _read_sha256(label: str, text: Any) -> str:
    if not re.fullmatch("[0-9a-f]{64}", str(text)):
        raise InputError(f"{label} is {shown(text)}; give the 64 digits of a sha256, 0-9 and a-f")
    return text


# The sha256 that a dataset must have; None for any.
Sha256 = Annotated[
    str | None,
    Option(
        "require this sha256 of the dataset, as verify prints it: for data from other people",
        read=_read_sha256,
        metavar="SHA256",
    ),
]


@dataclasses.dataclass(frozen=True)
class Requested:
    """A dataset that a person names by its parameters."""

    task: Task
    layout: Layout
    is_sized: bool  # the number of its examples was given

    @property
    def fewer(self) -> str | None:
        """A sentence if it has fewer examples than usual, because there are not more, or more are not practical."""
        task, usual = self.task, self.task.defaults["num_examples"]
        if self.is_sized or task.num_examples == usual:
            return None
        all_pairs = task.num_examples == coverage.key_classes(task).total
        why = f"{task.description} has no more pairs" if all_pairs else f"more are not practical for {task.description}"
        return f"this dataset has {task.num_examples:,} examples, and not {usual:,}: {why}"


def requested(
    task: TaskName,
    *,
    parameters: Annotated[dict[str, Any], Options(PARAMETERS, as_dict=True)],
    layout: Annotated[dict[str, Any], Options(Layout, group=FILES, as_dict=True)],
    formats: Annotated[dict[str, bool], Options(_FormatOptions(), group=FILES, as_dict=True)],
) -> Requested:
    """The dataset of a task with these parameters, in these formats."""
    of_task = named_task(task, parameters)
    of_files = Layout.from_task(of_task, formats=choose_formats(formats), **layout)
    return Requested(of_task, of_files, "num_examples" in parameters)


def refuse_surplus(rest: Rest, directory: str, takes: str) -> None:
    """Refuses further arguments, except for Beam's flags and their values if the place is in a store."""
    for before, word in zip(["", *rest.words], rest.words, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if "://" not in directory or not (word.startswith("--") or is_value):
            surplus, takes = f"{word!r} is one argument too many", f"{takes}, then Beam's flags for a store"
            raise InputError(surplus + mistyped_option(word, rest.option_names, takes))


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
