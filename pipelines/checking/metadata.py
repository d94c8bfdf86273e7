"""Checks ``metadata.json`` against itself, before anything else of a dataset is believed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking.problem import OtherDatasetError, Problem
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import (
    DATASET_INFO,
    FEATURES,
    MANIFESTED_FORMATS,
    METADATA,
    SPLITS,
    Layout,
)
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath


def read_checked(directory: AnyPath, sha256: str | None = None) -> tuple[Task, Layout, dict[str, Any]]:
    """The task, the layout and the content of ``metadata.json``.

    Args:
      directory: The dataset's directory or prefix.
      sha256: The sha256 that it must state for its own content; None for any.

    Raises:
      OtherDatasetError: It states another sha256.
      Problem: The file is damaged, or its entries contradict each other.
    """
    try:
        text = paths.read_bytes(directory / METADATA).decode()
        metadata = json.loads(text)
    except InputError:  # of a store
        raise
    except OSError as error:
        raise Problem(f"cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        raise Problem("is not a JSON object") from None
    if not isinstance(metadata, dict):
        raise Problem("is not a JSON object")
    try:
        task = Task.from_parameters(metadata.get("parameters", {}))
        stated = Layout.of_metadata(metadata)
        layout = Layout.of(task, stated.num_shards, stated.formats)
        most_draws = 4 * coverage.num_draws(task) + 1000
    except InputError as error:
        raise Problem(str(error)) from None
    files, has_manifests = metadata.get("files"), manifests.are_named(metadata)
    # The count first: num_shards may ask for very many names.
    of_shards = layout.num_shards * len(layout.formats) * len(SPLITS)
    count = len(manifests.names(layout)) if has_manifests else of_shards
    if not isinstance(files, dict) or len(files) != count + 2 or (has_manifests and not manifests.are_used(layout)):
        raise Problem("its files are not those of its parameters")
    names = manifests.names(layout) if has_manifests else (path for _, _, path in layout.shard_files())
    if set(files) != {*names, DATASET_INFO, FEATURES}:
        raise Problem("its files are not those of its parameters")
    if not isinstance(draws := metadata.get("draws_used"), int) or not task.num_examples <= draws <= most_draws:
        raise Problem(f"draws_used is {draws!r}")
    derived = {
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "duplicates": draws - task.num_examples,
        "splits": {"train": task.num_train, "validation": task.num_validation},
        **({MANIFESTED_FORMATS: list(layout.formats)} if has_manifests else {}),
    }
    for name, value in derived.items():
        if metadata.get(name) != value:
            raise Problem(f"{name} is {metadata.get(name)!r}, not {value!r}")
    if more := sorted(set(metadata) - {*derived, "parameters", "num_shards", "draws_used", "files", "sha256"}):
        raise Problem(f"has the entry {more[0]!r}, which does not belong to it")
    content = json.dumps({name: value for name, value in metadata.items() if name != "sha256"})
    if hashlib.sha256(content.encode()).hexdigest() != metadata.get("sha256"):
        raise Problem("its content does not have the sha256 that it states")
    if sha256 not in (None, metadata["sha256"]):
        raise OtherDatasetError(metadata["sha256"], sha256)
    if json.dumps(metadata) != text:
        raise Problem("is not written as it was published")
    return task, layout, metadata


def read_digests(directory: AnyPath, layout: Layout, metadata: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of every file, by name: from ``metadata.json``, as ``read_checked`` returns it, and its manifests.

    Raises:
      Problem: A manifest is missing or damaged.
    """
    digests = dict(metadata["files"])
    if not manifests.are_named(metadata):
        return digests
    for number, name in enumerate(manifests.names(layout)):
        try:
            content = paths.read_bytes(directory / name)
        except InputError:  # of a store
            raise
        except OSError as error:
            raise Problem(f"its {name} cannot be read ({error.strerror or error})") from None
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise Problem(f"its {name} does not have the sha256 that it states")
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            raise Problem(f"its {name} is not JSON") from None
        if not isinstance(found, dict) or set(found) != set(manifests.files_of(layout, number)):
            raise Problem(f"its {name} does not name the files of its shards")
        digests |= found
    return digests
