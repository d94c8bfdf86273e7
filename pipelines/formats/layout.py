"""The layout of a dataset in its directory: the names of its files, its data formats, and its number of shards.

::

    DATA_DIR/seq2seq_arith/addition/1.0.0/            the dataset's directory
        metadata.json                                 the parameters, and the sha256 of every other file
        dataset_info.json, features.json              what TFDS reads
        seq2seq_arith-train.tfrecord-00000-of-00008   a shard of a split, in each format
        parquet/train-00000-of-00008.parquet
        seq2seq_arith-train.array_record-00000-of-00008
        parquet_written/train-00000-of-00008.parquet
    DATA_DIR/seq2seq_arith/.config/metadata.json      names the default config of ``tfds.load``

To add a data format, write a module of this package with a ``FORMAT``, and add its name to ``FORMATS``:
``generate``, ``plan``, ``verify``, ``fetch`` and ``show`` need nothing else.
"""

import dataclasses
import importlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.base.options import option

NAME = "seq2seq_arith"
DATA = "data"  # the default directory of all datasets
SPLITS = ("train", "validation")
DATA_DIR_VARIABLE = "TFDS_DATA_DIR"  # from which TFDS, too, takes the directory of all datasets
METADATA, DATASET_INFO, FEATURES = "metadata.json", "dataset_info.json", "features.json"
# The modules of this package that write a format, by the words that messages use. The first one is always written.
FORMATS = {
    "tfrecord": "TFRecord",
    "parquet": "Parquet",
    "array_record": "ArrayRecord",
    "parquet_written": "Parquet with column written",
}
TFRECORD, *OPTIONAL_FORMATS = FORMATS
PARQUET, ARRAY_RECORD, WRITTEN = "parquet", "array_record", "parquet_written"
DEFAULT_FORMATS = (TFRECORD, PARQUET)
# The name of a file of examples, from ``shard_file``, in which that of its format is the folder or the suffix.
_SPLIT = f"(?:{'|'.join(SPLITS)})"
SHARD = re.compile(rf"(?P<folder>\w+)/{_SPLIT}-\d+-of-\d+\.\w+|{NAME}-{_SPLIT}\.(?P<suffix>\w+)-\d+-of-\d+")
# The examples per file, by split.
ShardLengths = Mapping[str, Sequence[int]]
# Adds n examples to a file: questions and answers, uint8 of shapes (n, question_width) and (n, answer_width).
Write = Callable[[np.ndarray, np.ndarray], object]
MAX_SHARDS = 2**24
DEVIATIONS = 6  # standard deviations from the mean number of examples to the largest of a shard
SMALL_SHARDS = 64  # allowed for any dataset; beyond that, each split needs some examples per shard


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """One data format: the ``FORMAT`` of its module."""

    # From an open file and a task to a context manager that yields a ``Write``.
    writer: Callable[[HashedFile, Task], AbstractContextManager[Write]]
    bytes_of: Callable[[Task, int], int]  # from a task and the number of shards to the bytes of all files
    extension: str = ""  # of its files, which are in a folder of its name; empty if they lie beside those of TFRecord
    library: str = ""  # the package on whose version the bytes depend; empty if they depend on none
    # From a file's content, a task and the number of examples to the stored questions and answers, as ``Write`` takes
    # them; raises Problem if the file does not have this number of examples. Required with a ``library``, whose
    # versions may write other bytes: ``verify`` compares the rows.
    read: Callable[[bytes, Task, int], tuple[np.ndarray, np.ndarray]] | None = None
    # From a task to the largest number of examples per call of ``Write``; a power of two, as are all numbers of
    # examples except for the last call's.
    block_rows: Callable[[Task], int] = lambda task: 2**20

    def __post_init__(self) -> None:
        if self.library and not self.read:
            raise ValueError(f"the bytes of the format depend on {self.library}; give it a read, too")


def format_of(name: str) -> Format:
    """The format of this name; its module is imported at the first use."""
    return importlib.import_module(f"{__package__}.{name}").FORMAT


def shard_file(name: str, split: str, shard: int, num_shards: int) -> str:
    """The file of a shard in the format of this name, below the dataset's directory: Hugging Face's naming, or TFDS's.

    >>> shard_file("parquet", "train", 3, 8)
    'parquet/train-00003-of-00008.parquet'
    >>> shard_file("tfrecord", "train", 3, 8)
    'seq2seq_arith-train.tfrecord-00003-of-00008'
    """
    numbers = f"{str(shard).zfill(max(5, len(str(num_shards))))}-of-{num_shards:05d}"  # of one width
    extension = format_of(name).extension
    return f"{name}/{split}-{numbers}.{extension}" if extension else f"{NAME}-{split}.{name}-{numbers}"


def format_name(file: str) -> str | None:
    """The name of the format of a file below the dataset's directory, from ``shard_file``; None if it is not a shard.

    >>> format_name("parquet/train-00003-of-00008.parquet")
    'parquet'
    """
    match = SHARD.fullmatch(file)
    name = match and (match["folder"] or match["suffix"])
    return name if name in FORMATS else None


@dataclasses.dataclass(frozen=True)
class Layout:
    """The division of a dataset into files, which does not change its examples.

    >>> Layout(8).paths("train", 3)
    ['seq2seq_arith-train.tfrecord-00003-of-00008', 'parquet/train-00003-of-00008.parquet']
    >>> print(Layout(8))
    8 shards with Parquet
    """

    # Files per split and format, P.
    num_shards: int = option("files per split and format", low=1, high=MAX_SHARDS, default_text="by size, at least 8")
    formats: tuple[str, ...] = DEFAULT_FORMATS  # names of data formats, in the order of ``FORMATS``

    @classmethod
    def from_task(cls, task: Task, num_shards: int | None = None, formats: Sequence[str] = DEFAULT_FORMATS) -> "Layout":
        """The layout for a task, by default with as many shards as suit its size; InputError for too many."""
        if num_shards is None:
            return cls(default_num_shards(task.num_examples), tuple(formats))
        max_shards = min(MAX_SHARDS, max(SMALL_SHARDS, task.num_examples // 100))
        if isinstance(num_shards, bool) or not isinstance(num_shards, int) or not 1 <= num_shards <= max_shards:
            raise InputError(
                f"num_shards is {num_shards!r}; for {task.num_examples} examples give a whole number from 1 to "
                f"{max_shards}"
            )
        return cls(num_shards, tuple(formats))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "Layout":
        """The layout of the dataset with this metadata, which may be any JSON."""
        files = metadata.get("files")
        names = [str(name) for name in files] if isinstance(files, dict) else []
        written_formats = set(map(format_name, names))
        return cls(
            metadata.get("num_shards", 0), choose_formats({name: name in written_formats for name in OPTIONAL_FORMATS})
        )

    def paths(self, split: str, shard: int) -> list[str]:
        """The files of one shard of a split, below the dataset's directory; the TFRecord file first."""
        return [shard_file(name, split, shard, self.num_shards) for name in self.formats]

    def shard_files(self) -> Iterator[tuple[str, int, str]]:
        """Split, shard and name of every file with examples."""
        for split in SPLITS:
            for shard in range(self.num_shards):
                for path in self.paths(split, shard):
                    yield split, shard, path

    def bytes_of(self, task: Task) -> dict[str, int]:
        """The bytes of all files, by the name of their format; estimates, except for TFRecord."""
        return {name: format_of(name).bytes_of(task, self.num_shards) for name in self.formats}

    def largest_file(self, task: Task) -> int:
        """The bytes of the largest file; an estimate, because the hashes of the examples decide on their shards."""
        mean = task.num_train / self.num_shards
        most = min(task.num_train, mean + DEVIATIONS * math.sqrt(mean))
        return int(max(self.bytes_of(task).values()) * most / task.num_examples)

    def __str__(self) -> str:
        mentioned = {*DEFAULT_FORMATS, *self.formats}
        optional = [
            f"{'with' if name in self.formats else 'without'} {FORMATS[name]}"
            for name in OPTIONAL_FORMATS
            if name in mentioned
        ]
        return f"{self.num_shards} shards {' and '.join(optional)}"


def choose_formats(choices: Mapping[str, bool | None], otherwise: Sequence[str] = DEFAULT_FORMATS) -> tuple[str, ...]:
    """The formats to write: TFRecord, those chosen, and those left open (None) that are in ``otherwise``.

    Parquet with the column ``written`` replaces the other Parquet files if these are left open. It has all their
    columns, and a reader such as Hugging Face's expects one schema in all files of a folder.

    >>> choose_formats({"parquet": False})
    ('tfrecord',)
    >>> choose_formats({"parquet_written": True})
    ('tfrecord', 'parquet_written')
    """
    if choices.get(WRITTEN):
        otherwise = [name for name in otherwise if name != PARQUET]
    chosen = dict.fromkeys(otherwise, True) | {name: answer for name, answer in choices.items() if answer is not None}
    return (TFRECORD, *(name for name in OPTIONAL_FORMATS if chosen.get(name)))


def default_num_shards(num_examples: int) -> int:
    """8; above 2^23 examples the smallest power of two that leaves at most 2^20 examples per shard."""
    return max(8, 1 << (-(-num_examples // 2**20) - 1).bit_length())
