"""Checks that ``metadata.json`` is consistent, before the rest of a dataset is trusted."""

import json
from typing import Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.own_tasks import IS_CODE
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.advice import advice
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, FEATURES, METADATA, SPLITS, Layout
from seq2seq_arith.pipelines.formats.metadata import metadata_of
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath

SHA256 = "sha256"  # the entry of the metadata's own checksum


class OtherDatasetError(Problem):
    """The metadata is intact, but its sha256 is not the requested one."""

    def __init__(self, actual: str, expected: str) -> None:
        super().__init__(
            f"its sha256 is {actual}, not the requested {expected}: it is another dataset, or it was made with other "
            "files (Parquet, another number of shards); give the right sha256, or another dataset"
        )


def read_checked(directory: AnyPath, sha256: str | None = None) -> tuple[Task, Layout, dict[str, Any]]:
    """Task, layout and content of ``metadata.json``; Problem if it is damaged, OtherDatasetError for another sha256."""
    content, metadata = _read(directory)
    try:
        task = Task.from_parameters(metadata.get("parameters", {}))
        stated = Layout.from_metadata(metadata)
        layout = Layout.from_task(task, stated.num_shards, stated.formats)
        draws, files = _draws(task, metadata.get("draws_used")), _files(layout, metadata.get("files"))
    except InputError as error:
        raise Problem(str(error)) from None
    expected = metadata_of(task, layout, draws, files)
    for name in [*(name for name in expected | metadata if name != SHA256), SHA256]:
        if name not in expected:
            raise Problem(f"has the entry {name!r}, which does not belong to it")
        if metadata.get(name) != expected[name]:
            damaged = f"{name} is {metadata.get(name)!r}, not {expected[name]!r}"
            raise Problem("its content does not have the sha256 that it states" if name == SHA256 else damaged)
    if sha256 not in (None, expected[SHA256]):
        raise OtherDatasetError(expected[SHA256], sha256)
    if content != json.dumps(expected).encode():
        raise Problem("is not written as it was published")
    return task, layout, metadata


def _read(directory: AnyPath) -> tuple[bytes, dict[str, Any]]:
    """The content of ``metadata.json``, and the object that it is."""
    try:
        content = paths.read_bytes(directory / METADATA)
        return content, decode(dict[str, Any], parse(content))
    except OSError as error:
        raise Problem(f"cannot be read ({error.strerror or error})") from None
    except MalformedError:
        raise Problem("is not a JSON object") from None


def _draws(task: Task, draws: Any) -> int:
    """The number of draws of a dataset; Problem if it is impossible."""
    limit = 4 * coverage.num_draws(task) + 1000
    if task.own:  # whose sampling may count more pairs than exist
        limit = 4 * coverage.draws_limit(task.num_examples)
    if not isinstance(draws, int) or not task.num_examples <= draws <= limit:
        raise Problem(f"draws_used is {draws!r}")
    return draws


def _files(layout: Layout, files: Any) -> dict[str, str]:
    """The files of a dataset; Problem if their names are not those of its layout."""
    # The count first: num_shards may stand for very many names.
    count = layout.num_shards * len(layout.formats) * len(SPLITS) + 2
    if not isinstance(files, dict) or len(files) != count:
        raise Problem("its files are not those of its parameters")
    if set(files) != {*(name for *_, name in layout.shard_files()), DATASET_INFO, FEATURES}:
        raise Problem("its files are not those of its parameters")
    return files


def read_sound(directory: AnyPath) -> tuple[Task, Layout, dict[str, Any]]:
    """As ``read_checked``, for reading the dataset: InputError if it is damaged, with the command that says more."""
    try:
        return read_checked(directory)
    except Problem as problem:
        raise InputError(f"{directory / METADATA}: {with_advice(problem, directory)}") from None


def with_advice(problem: Problem, directory: AnyPath) -> str:
    """A problem and the advice about it; the problem of a custom task has its own advice."""
    return str(problem) if IS_CODE in str(problem) else f"{problem}; {advice(directory)}"
