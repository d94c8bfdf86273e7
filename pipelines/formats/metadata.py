"""The files that describe a dataset: ``metadata.json``, and the counts of ``dataset_info.json``."""

from collections.abc import Mapping
from typing import Any, TypedDict

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.base.files import json_sha256
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, METADATA, Layout
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath


# The splits as TFDS writes them; as in all JSON of protocol buffers, a number of 64 bits is a string.
class _Split(TypedDict):
    name: str
    shardLengths: list[str | int]


class _DatasetInfo(TypedDict):
    splits: list[_Split]


def metadata_of(task: Task, layout: Layout, draws_used: int, files: Mapping[str, str]) -> dict[str, Any]:
    """The content of ``metadata.json``, from the sha256 of every other file by its name; its own sha256 comes last."""
    content = {
        "parameters": task.parameters(),
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "num_shards": layout.num_shards,
        "draws_used": draws_used,
        "duplicates": draws_used - task.num_examples,
        "splits": task.splits,
        "files": dict(sorted(files.items())),
    }
    return content | {"sha256": json_sha256(content)}


def read_metadata(path: AnyPath) -> dict[str, Any] | None:
    """The content of a dataset's ``metadata.json``; None if there is none that can be read."""
    try:
        return decode(dict[str, Any], parse(paths.read_bytes(path / METADATA)))
    except (OSError, MalformedError):
        return None


def read_shard_lengths(path: AnyPath) -> dict[str, list[int]]:
    """The examples per file, by split, from the ``dataset_info.json`` that TFDS reads; empty if it cannot be read."""
    try:
        content = paths.read_bytes(path / DATASET_INFO)
    except OSError:
        return {}
    try:
        info = decode(_DatasetInfo, parse(content), further=True)
        return {split["name"]: [int(length) for length in split["shardLengths"]] for split in info["splits"]}
    except ValueError:  # also a MalformedError
        return {}
