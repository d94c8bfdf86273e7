"""Checks the files of a dataset without reading an example: names, sizes, checksums, and the files for TFDS."""

import dataclasses
import functools
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import (
    DATASET_INFO,
    FEATURES,
    METADATA,
    TFRECORD,
    Layout,
    ShardLengths,
    format_name,
)
from seq2seq_arith.pipelines.formats.metadata import read_shard_lengths
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath

MAX_NAMED = 100  # files that do not belong to a dataset, each on a line


@dataclasses.dataclass(frozen=True)
class Files:
    """The facts about a dataset that need no reading of its examples."""

    directory: AnyPath  # where it is
    task: Task  # from its metadata
    layout: Layout  # likewise
    digests: dict[str, str]  # the sha256 that each file must have, by name
    sizes: dict[str, int]  # the bytes of each existing file, by name
    lengths: ShardLengths  # the examples per file, by split, from ``dataset_info.json``

    @classmethod
    def from_metadata(cls, directory: AnyPath, task: Task, layout: Layout, digests: dict[str, str]) -> "Files":
        """The existing files, together with the files that the metadata names."""
        return cls(directory, task, layout, digests, paths.sizes(directory), read_shard_lengths(directory))

    def name_problems(self) -> Iterator[str]:
        """The files that are missing, and those that do not belong to the dataset."""
        for name in sorted(set(self.digests) - set(self.sizes)):
            yield f"{self.directory / name}: is missing"
        surplus = sorted(set(self.sizes) - set(self.digests) - {METADATA})
        for name in surplus[:MAX_NAMED]:
            yield f"{self.directory / name}: does not belong to the dataset"
        if more := surplus[MAX_NAMED:]:
            yield f"{self.directory}: {len(more):,} more files do not belong to the dataset"

    def count_problems(self) -> Iterator[str]:
        """The problem with the examples per file: the numbers of files and of examples must be those of the dataset."""
        if {split: sum(counts) for split, counts in self.lengths.items()} != self.task.splits:
            yield f"{self.directory / DATASET_INFO}: does not count {self.task.splits} examples"
        elif any(len(counts) != self.layout.num_shards or min(counts) < 0 for counts in self.lengths.values()):
            yield f"{self.directory / DATASET_INFO}: does not count {self.layout.num_shards} files of each split"

    def size_problems(self) -> Iterator[str]:
        """The files of examples with an impossible size: the size of TFRecord is known, and no file is empty."""
        record = record_format(self.task).length
        for split, shard, name in self.layout.shard_files():
            size, count = self.sizes.get(name), self.lengths[split][shard]
            if format_name(name) != TFRECORD:
                if size == 0:
                    yield f"{self.directory / name}: is empty"
            elif size not in (None, count * record):
                yield f"{self.directory / name}: has {size:,} bytes, not the {count * record:,} of {count:,} examples"

    def description_problems(self) -> Iterator[str]:
        """The problems with the files that TFDS reads: their checksums, and differences from what TFDS writes.

        Names, templates and classes in them can redirect a reader, and a forger can adapt their checksums.
        """
        for name in sorted({DATASET_INFO, FEATURES} & set(self.sizes)):
            file = self.directory / name
            try:
                content = paths.read_bytes(file)
            except OSError as error:  # a dangling link, or a file that was removed meanwhile
                yield f"{file}: cannot be read ({error.strerror or error})"
                continue
            if problems := digest_problems(file, [content], self.digests[name]):
                yield from problems
            elif not list(self.count_problems()) and content != self._descriptions[name]:
                yield f"{file}: is not what TFDS writes for this dataset"

    @functools.cached_property
    def _descriptions(self) -> dict[str, bytes]:
        from seq2seq_arith.pipelines.formats.catalog import write_description  # imports TFDS

        with tempfile.TemporaryDirectory() as name:
            return write_description(self.task, Path(name), self.lengths, self.layout.formats)


def digest_problems(file: AnyPath, pieces: Iterable[bytes], digest: str) -> list[str]:
    """The problem with a file's checksum, if there is one."""
    checksum = hashlib.sha256()
    for piece in pieces:
        checksum.update(piece)
    if checksum.hexdigest() == digest:
        return []
    return [f"{file}: does not have the sha256 that {METADATA} states"]
