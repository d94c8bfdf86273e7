"""The files of one shard: TFRecord and Parquet, of both splits, each visible only when it is whole."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.parquet import ParquetWriter, row_group_rows
from seq2seq_arith.pipelines.stores import AnyPath, ObjectPath
from seq2seq_arith.pipelines.tasks import Task
from seq2seq_arith.pipelines.text import answers, questions
from seq2seq_arith.pipelines.tfrecord import RecordFormat

NAME = "seq2seq_arith"
SPLITS = ("train", "validation")
TEMPORARY = ".temp-"
MAX_SHARDS = 2**24
SMALL_SHARDS = 64  # so many are allowed for any dataset; beyond that, each split needs some examples for each


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a dataset is cut into files; no part of what the dataset is.

    Attributes:
      num_shards: Of each split, P.
      parquet: Whether Parquet is written beside TFRecord.
    """

    num_shards: int
    parquet: bool = True

    @classmethod
    def of(cls, task: Task, num_shards: int | None = None, parquet: bool = True) -> "Layout":
        """The layout for a task, by default with as many shards as suit its size.

        Raises:
          InputError: The number of shards makes no sense for so many examples.
        """
        if num_shards is None:
            return cls(default_num_shards(task.num_examples), parquet)
        most = min(MAX_SHARDS, max(SMALL_SHARDS, task.num_examples // 100))
        if isinstance(num_shards, bool) or not isinstance(num_shards, int) or not 1 <= num_shards <= most:
            raise InputError(
                f"num_shards is {num_shards!r}; for {task.num_examples} examples give a whole number from 1 to {most}"
            )
        return cls(num_shards, parquet)

    def paths(self, split: str, shard: int) -> list[str]:
        """The files of one shard of a split, below the dataset's directory; the TFRecord file first."""
        paths = [tfrecord_path(split, shard, self.num_shards)]
        return [*paths, parquet_path(split, shard, self.num_shards)] if self.parquet else paths


def default_num_shards(num_examples: int) -> int:
    """8; above 2^23 examples the smallest power of two that leaves at most 2^20 examples a shard."""
    if num_examples <= 2**23:
        return 8
    return 1 << (-(-num_examples // 2**20) - 1).bit_length()


@dataclasses.dataclass(frozen=True)
class ShardReport:
    """What was written of one split and shard.

    Attributes:
      split, shard: Which.
      num_examples: Its rows.
      num_bytes: Bytes of its TFRecord file.
      files: Path below the dataset's directory to sha256, for each file.
    """

    split: str
    shard: int
    num_examples: int
    num_bytes: int
    files: dict[str, str]


def tfrecord_path(split: str, shard: int, num_shards: int) -> str:
    """A TFRecord file below the dataset's directory, by TFDS's naming."""
    return f"{NAME}-{split}.tfrecord-{shard:05d}-of-{num_shards:05d}"


def parquet_path(split: str, shard: int, num_shards: int) -> str:
    """A Parquet file below the dataset's directory, by Hugging Face's naming."""
    return f"parquet/{split}-{shard:05d}-of-{num_shards:05d}.parquet"


def write_shard(
    task: Task, layout: Layout, directory: AnyPath, split: str, shard: int, numbers: np.ndarray
) -> ShardReport:
    """Writes the examples of these draws, uint64 of shape (n,), in this order.

    A file that is there is replaced in one step, so a bundle may be repeated, or run twice at once.
    """
    if layout.parquet:
        # Its parents stay as they are: a run that was broken off may have removed them.
        (directory / "parquet").mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        opened = {path: stack.enter_context(_whole_file(directory / path)) for path in layout.paths(split, shard)}
        tfrecord, *others = opened.values()
        tables = [stack.enter_context(ParquetWriter(file, task)) for file in others]
        record = record_format(task)
        for left, right in _operand_blocks(task, numbers):
            question, answer = questions(task, left, right), answers(task, left, right)
            tfrecord.write(record(question, answer))
            for table in tables:
                table.write(question, answer)
    return ShardReport(
        split=split,
        shard=shard,
        num_examples=len(numbers),
        num_bytes=tfrecord.num_bytes,
        files={path: file.sha256 for path, file in opened.items()},
    )


@functools.cache
def record_format(task: Task) -> RecordFormat:
    """The records of a task; kept, for its tables take a moment to make."""
    return RecordFormat(task.question_width, task.answer_width)


def _operand_blocks(task: Task, numbers: np.ndarray) -> Iterator[d.Key]:
    size = min(d.BLOCK, row_group_rows(task), max(16, 2**22 // task.question_width))
    size = 1 << (size.bit_length() - 1)
    return (d.operands(task, numbers[start : start + size]) for start in range(0, len(numbers), size))


class HashedFile(io.RawIOBase):
    """A binary file that knows the length and the sha256 of what was written to it."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        """Makes the file, which must not be there, or writes to one that is open and not buffered."""
        self._file = file.open("xb", buffering=0) if isinstance(file, Path) else file
        self._hash = hashlib.sha256()
        self.num_bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.num_bytes

    def write(self, data) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        self._hash.update(view)
        written = 0
        while written < len(view):
            written += self._file.write(view[written:])
        self.num_bytes += written
        return written

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def sync(self) -> None:
        """Waits until the disk has what was written."""
        os.fsync(self._file.fileno())


@contextlib.contextmanager
def _whole_file(path: AnyPath) -> Iterator[HashedFile]:
    """A file that gets its name when the block ends without an exception, and is gone otherwise."""
    if isinstance(path, ObjectPath):
        # A nameless file of this machine, of which nothing is left whatever happens.
        with tempfile.TemporaryFile(buffering=0) as whole, HashedFile(whole) as file:
            yield file
            path.upload(whole)
        return
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        with HashedFile(temporary) as file:
            yield file
            file.sync()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
