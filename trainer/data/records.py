"""Datasets of ``arith-data``: opened without reading an example, and read in ranges.

All records of a dataset have one length, so a range of examples is a range of bytes of one file, or of a few. Examples
are in the order of a hash, so any range is a random sample of its split::

    metadata.json > open_source > Source > Source.split > Split > Split.read(first, count) > Examples
                                                          files   a range, each record checked
"""

import dataclasses
import functools
import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking import metadata
from seq2seq_arith.pipelines.checking.files import Files
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.advice import advice
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, FEATURES, METADATA, NAME, SPLITS, TFRECORD, shard_file
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.metadata import read_shard_lengths
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath
from seq2seq_arith.trainer.data.making import command

RANGE_BYTES = 1 << 20

_of_thread = threading.local()


@dataclasses.dataclass(frozen=True)
class Examples:
    """Strings as uint8 code points: questions [examples, question width], answers [examples, answer width]."""

    questions: np.ndarray
    answers: np.ndarray

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, rows: Any) -> "Examples":
        return Examples(self.questions[rows], self.answers[rows])


@dataclasses.dataclass(frozen=True)
class Split:
    """The examples of a split, which stay in their files until a range of them is read."""

    task: Task  # the parameters of the dataset
    directory: AnyPath  # the dataset's directory or URL
    name: str  # the split's name
    lengths: tuple[int, ...]  # examples of each shard

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def is_remote(self) -> bool:
        """Whether the files are in an object store."""
        return isinstance(self.directory, ObjectPath)

    @property
    def rows_per_range(self) -> int:
        """The examples of ``RANGE_BYTES``, at least one."""
        return max(1, RANGE_BYTES // record_format(self.task).length)

    def read(self, first: int, count: int) -> Examples:
        """The examples ``first`` to ``first + count - 1`` in the order of the data format; they must exist."""
        strings, width = self.read_strings(first, count), self.task.question_width
        return Examples(strings[:, :width], strings[:, width:])

    def read_strings(self, first: int, count: int, order: np.ndarray | None = None) -> np.ndarray:
        """As ``read``, each question followed by its answer: uint8 [examples, question width + answer width].

        ``order`` selects the examples to return, int64 of numbers below ``count``; None for all, in their order.
        """
        record, done = record_format(self.task), 0
        records = _scratch(count * record.length).reshape(count, record.length)
        for shard, row, rows in self._pieces(first, count):
            self._read_records(shard, row, records[done : done + rows])
            done += rows
        chosen: Any = slice(None) if order is None else order
        width = record.question_width
        strings = np.empty((count if order is None else len(order), width + record.answer_width), np.uint8)
        for into, texts in zip((strings[:, :width], strings[:, width:]), record.texts(records), strict=True):
            items(into)[:] = items(texts)[chosen]
        return strings

    def head(self, count: int) -> Examples:
        """The first examples, or all if there are fewer: a random sample of the split, for they lie in hash order."""
        count, size = min(count, len(self)), self.rows_per_range
        parts = [self.read(first, min(size, count - first)) for first in range(0, count, size)]
        return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("questions", "answers")))

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """The first example of each shard, and the number of all examples: int64 [shards + 1]."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

    def _pieces(self, first: int, count: int) -> Iterator[tuple[int, int, int]]:
        """For each shard that holds some of the examples: its number, the first one's row in it, and how many."""
        shard = int(np.searchsorted(self.starts, first, side="right")) - 1
        while count > 0:
            row = first - int(self.starts[shard])
            rows = min(count, self.lengths[shard] - row)
            if rows > 0:
                yield shard, row, rows
            first, count, shard = first + rows, count - rows, shard + 1

    def _read_records(self, shard: int, row: int, records: np.ndarray) -> None:
        """Reads and checks records of one shard, from a row on, into uint8 [records, record length]."""
        file = self.directory / shard_file(TFRECORD, self.name, shard, len(self.lengths))
        record, what_to_do = record_format(self.task), advice(self.directory)
        try:
            size = paths.read_into(file, row * record.length, records.data.cast("B"))
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror or error}); {what_to_do}") from None
        if size < records.nbytes:
            raise InputError(f"{file} ends before its record {row + size // record.length:,}; {what_to_do}")
        intact = record.intact(records)
        if not intact.all():
            raise InputError(f"{file} has a damaged record, number {row + int(np.argmin(intact)):,}; {what_to_do}")


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset on a disk or in an object store."""

    task: Task  # its parameters
    directory: AnyPath  # its directory or URL
    sha256: str  # the checksum of its metadata, which hold the checksum of every file; it identifies the data
    splits: dict[str, Split]  # the splits by name


def open_source(task: Task, data_dir: str) -> Source:
    """The dataset of a task under a directory, where TFDS finds it, too. No example is read."""
    place = paths.parse_place(data_dir)
    path = dataset_path(place, task)
    if not (path / METADATA).is_file():
        if (place / DATASET_INFO).is_file():
            raise InputError(f"{data_dir} is a dataset itself; give the --data-dir under which arith-data wrote it")
        if (path / DATASET_INFO).is_file():
            raise InputError(f"{path} contains no {METADATA} of arith-data; generate it again")
        name = f"{NAME}/{task.config_name}"
        raise InputError(f"there is no dataset {name} under {data_dir}; make it with: {command(task, data_dir)}")
    try:
        stored, layout, content = metadata.read_checked(path)
        lengths = _shard_lengths(path, stored, content["files"])
        # Only ``verify`` reads the checksums of examples. A size is known without reading: a file that was cut, or to
        # which something was appended, is not the one that was made.
        files = Files(path, stored, layout, content["files"], paths.sizes(path), lengths)
        if problem := next(files.size_problems(), None):
            raise InputError(f"{problem}; {advice(path)}")
    except Problem as problem:
        raise InputError(f"{path / METADATA} cannot be used: {metadata.with_advice(problem, path)}") from None
    if stored != task:
        raise InputError(f"{path} contains a dataset with other parameters than its name; generate it again")
    splits = {split: Split(task, path, split, tuple(lengths[split])) for split in SPLITS}
    return Source(task, path, content["sha256"], splits)


def _shard_lengths(path: AnyPath, task: Task, digests: dict[str, str]) -> dict[str, list[int]]:
    """The examples of each shard, by split, from ``dataset_info.json``."""
    for name in (DATASET_INFO, FEATURES):
        try:
            content = paths.read_bytes(path / name)
        except OSError as error:
            raise InputError(f"{path / name} cannot be read ({error.strerror or error}); {advice(path)}") from None
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise InputError(f"{path / name} does not have the sha256 that {METADATA} states; {advice(path)}")
    lengths = read_shard_lengths(path)
    if {split: sum(counts) for split, counts in lengths.items()} != task.splits:
        raise InputError(f"{path / DATASET_INFO} does not count the examples of {task.config_name}; {advice(path)}")
    return lengths


def _scratch(size: int) -> np.ndarray:
    """Memory of this thread for records until their strings are taken: new memory would cost more than reading."""
    if getattr(_of_thread, "memory", None) is None or len(_of_thread.memory) < size:
        _of_thread.memory = np.empty(size, np.uint8)
    return _of_thread.memory[:size]


def items(strings: np.ndarray) -> np.ndarray:
    """uint8 [n, characters] as one item per string, which NumPy copies at once: shape (n,), not a copy."""
    return strings.view(f"V{strings.shape[-1]}")[:, 0]
