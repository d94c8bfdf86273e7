"""Writes one shard of a split in every format; each file is visible only when it is whole."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import answers, questions
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.formats.layout import Layout, format_of
from seq2seq_arith.pipelines.storage.staging import Staging


@dataclasses.dataclass(frozen=True)
class ShardReport:
    """The files that were written for one shard of one split."""

    split: str
    shard: int  # its number
    num_examples: int  # rows per file
    num_bytes: int  # bytes of the TFRecord file
    files: dict[str, str]  # the sha256 of each file, by its path below the dataset's directory
    # The version of each file in an object store, by its path; all empty on a disk.
    versions: dict[str, str] = dataclasses.field(default_factory=dict)


def write_shard(
    task: Task, layout: Layout, staging: Staging, split: str, shard: int, numbers: np.ndarray
) -> ShardReport:
    """Writes the examples of draws, uint64 (n,), in this order; each file in one step, so a bundle may run twice."""
    with contextlib.ExitStack() as stack:
        files = {path: stack.enter_context(staging.whole_file(path)) for path in layout.paths(split, shard)}
        write_files(task, dict(zip(layout.formats, files.values(), strict=True)), numbers)
    tfrecord, *_ = files.values()
    return ShardReport(
        split=split,
        shard=shard,
        num_examples=len(numbers),
        num_bytes=tfrecord.num_bytes,
        files={path: file.sha256 for path, file in files.items()},
        versions={path: file.version for path, file in files.items()},
    )


def write_files(task: Task, files: Mapping[str, HashedFile], numbers: np.ndarray) -> None:
    """Writes the examples of draws, uint64 (n,), in this order, into an open file of each format, by its name."""
    formats = {name: format_of(name) for name in files}
    with contextlib.ExitStack() as stack:
        writes = [stack.enter_context(formats[name].writer(file, task)) for name, file in files.items()]
        for operands in _operand_blocks(
            task, numbers, min(data_format.block_rows(task) for data_format in formats.values())
        ):
            question, answer = questions(task, *operands), answers(task, *operands)
            for write in writes:
                write(question, answer)


def _operand_blocks(task: Task, numbers: np.ndarray, max_rows: int) -> Iterator[draws.Key]:
    size = min(draws.BLOCK, max_rows, max(16, 2**20 // task.question_width))
    size = 1 << (size.bit_length() - 1)
    return (draws.operands(task, numbers[start : start + size]) for start in range(0, len(numbers), size))
