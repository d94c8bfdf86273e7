"""Gives a finished dataset other data formats: adds one that is missing, or leaves one out; or other columns.

The files that stay are copied, and the others are written from the records of the TFRecord files. So the result is,
byte for byte, what ``arith-data generate`` makes with the same options, without drawing the examples again.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base import progress
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.machine import cores
from seq2seq_arith.pipelines.checking.files import Files, digest_problems
from seq2seq_arith.pipelines.checking.metadata import read_checked, read_digests
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import (
    METADATA,
    PARQUET,
    SPLITS,
    TFRECORD,
    Layout,
    choose_formats,
    dataset_path,
    format_of,
    which_dataset,
)
from seq2seq_arith.pipelines.formats.shards import ShardReport
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher


def convert(
    directory: Path, wanted: Mapping[str, bool | None], columns: Sequence[str] | None = None
) -> tuple[Task, Layout, bool]:
    """Gives a dataset the data formats and the columns that are wanted, and exchanges it in one step for the old one.

    Args:
      directory: DATA_DIR/seq2seq_arith/CONFIG/1.0.0.
      wanted: Whether to have each optional format, by its name; None keeps it as it is.
      columns: The columns of numbers in Parquet; None keeps them as they are.

    Returns:
      The task, the new layout, and whether anything had to be done.

    Raises:
      InputError: There is no sound dataset, another run is making it, or the task does not have the columns.
      OSError: The disk is full, or the directory cannot be written.
    """
    if not (directory / METADATA).is_file():
        raise InputError(f"{directory} has no {METADATA}; {which_dataset(directory)}")
    publisher = DirectoryPublisher(directory)
    with publisher.locked():
        try:
            task, standing, metadata = read_checked(directory)
            digests = read_digests(directory, standing, metadata)
        except Problem as problem:
            raise InputError(f"{directory / METADATA}: {problem}; see arith-data verify {directory}") from None
        data_dir = directory.parents[2]
        if dataset_path(data_dir, task) != directory:
            raise InputError(f"{directory} is not where its dataset belongs; move it to {dataset_path(data_dir, task)}")
        layout = _layout(task, standing, wanted, columns)
        files = Files.of(directory, task, standing, digests)
        if problem := next(iter([*files.name_problems(), *files.count_problems()]), None):
            raise InputError(f"{problem}; see arith-data verify {directory}")
        if layout == standing:
            return task, layout, False
        paths.check_space(sum(layout.bytes_of(task).values()), data_dir, "make room")
        with publisher.staged() as staging:
            _write(files, layout, staging, metadata["draws_used"])
    return task, layout, True


def _layout(task: Task, standing: Layout, wanted: Mapping[str, bool | None], columns: Sequence[str] | None) -> Layout:
    """The layout to have; columns that are not mentioned go with the Parquet files."""
    formats = choose_formats(wanted, otherwise=standing.formats)
    kept = standing.columns if PARQUET in formats else ()
    return Layout.of(task, standing.num_shards, formats, kept if columns is None else columns)


def _write(files: Files, layout: Layout, staging: Staging, draws_used: int) -> dict[str, Any]:
    from seq2seq_arith.pipelines.formats.catalog import write_catalog  # imports TFDS

    shards = [(split, shard) for split in SPLITS for shard in range(layout.num_shards)]
    progress.reset()
    with (
        progress.watch({"shards": len(shards)}, progress.count),
        ThreadPoolExecutor(cores()) as pool,
    ):
        reports = list(pool.map(lambda at: _write_shard(files, layout, staging, *at), shards))
    if manifests.are_used(layout):
        of_manifests = manifests.write_all(layout, staging, reports)
        return write_catalog(files.task, layout, staging.catalog, draws_used, of_manifests=of_manifests)
    return write_catalog(files.task, layout, staging.catalog, draws_used, reports)


def _write_shard(files: Files, layout: Layout, staging: Staging, split: str, shard: int) -> ShardReport:
    """One shard of a split in every format of the layout; each file is visible only when it is whole."""
    record = record_format(files.task)
    digests: dict[str, str] = {}
    data = _read(files, format_of(TFRECORD).path(split, shard, layout.num_shards))
    for kind, name in zip(layout.formats, layout.paths(split, shard), strict=True):
        with staging.whole_file(name) as file:
            if kind in files.layout.formats and (kind != PARQUET or layout.columns == files.layout.columns):
                file.write(data if kind == TFRECORD else _read(files, name))
            else:
                records = np.frombuffer(data, np.uint8).reshape(-1, record.length)
                rows = format_of(kind).block_rows(files.task)
                with format_of(kind).writer(file, files.task, layout.columns) as writer:
                    for start in range(0, len(records), rows):
                        writer.write(*record.texts(records[start : start + rows]))
        digests[name] = file.sha256
    progress.add("shards", 1)
    return ShardReport(
        split=split,
        shard=shard,
        num_examples=len(data) // record.length,
        num_bytes=len(data),
        files=digests,
    )


def _read(files: Files, name: str) -> bytes:
    """The content of a file of the dataset.

    Raises:
      InputError: It cannot be read, or does not have its sha256.
    """
    try:
        data = paths.read_bytes(files.directory / name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{files.directory / name} cannot be read: {reason}; see arith-data verify") from None
    if problems := digest_problems(files.directory / name, data, files.digests[name]):
        raise InputError(f"{problems[0]}; make the dataset anew with arith-data generate --overwrite")
    return data
