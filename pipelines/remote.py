"""A dataset in an object store, and how it gets there: the counterpart of ``publish``, for a prefix.

A store has neither locks nor a rename, but an object appears whole, and a small one can be written on the condition
that it is not there, or is still the version that was read (``ifGenerationMatch``, ``If-None-Match``, ``If-Match``).

1. Workers write shards under their final names. Nothing takes them for a dataset yet.
2. ``metadata.json``, which names every file, is put if no other run has put one since this run began. This decides
   between runs, and there is only one that decides.
3. ``dataset_info.json`` is put last. TFDS takes a prefix for a dataset when it is there, and so does ``verify``.

All bytes are a function of the parameters, so a run that repeats another's work writes the same objects again. Only the
layout can differ, and then names do: the run that comes second is refused and removes what it wrote.

What a store cannot do: when a dataset is replaced by one of another layout, it is invisible from just before 2 until 3,
a moment without a dataset instead of a mixture, and whoever had opened the old one finds its files gone. Parquet by
another version of PyArrow has other bytes under the same names: while such a dataset is replaced, the checksums of the
old one do not hold. A run that is stopped, or that publishes, removes shards that no dataset names, another run's among
them; that one says so and publishes nothing.
"""

import contextlib
import json
import math
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, cast

from seq2seq_arith.pipelines import publish, stores
from seq2seq_arith.pipelines.clients import ABSENT
from seq2seq_arith.pipelines.errors import InputError, StoreError
from seq2seq_arith.pipelines.publish import (
    DATASET_INFO,
    DEFAULT_CONFIG,
    FEATURES,
    METADATA,
    layout_of,
    read_metadata,
    standing_as_asked,
    uninterrupted,
    words,
)
from seq2seq_arith.pipelines.shards import NAME, SPLITS, Layout
from seq2seq_arith.pipelines.stores import AnyPath, ObjectPath
from seq2seq_arith.pipelines.tasks import Task

SHARD = re.compile(rf"({NAME}-\w+\.tfrecord-\d+-of-\d+|parquet/\w+-\d+-of-\d+\.parquet)")
AT_ONCE = 16  # requests
OLD_SECONDS = 86_400  # an object that no dataset names and that is younger may be a run's that goes on


class Publisher(Protocol):
    """What ``publish`` does for directories, and this module for prefixes."""

    def published(self, path: Any, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None: ...
    def locked(self, path: Any) -> contextlib.AbstractContextManager[None]: ...
    def staged(self, path: Any, layout: Layout) -> contextlib.AbstractContextManager[Any]: ...
    def name_default_config(self, path: Any) -> None: ...
    def tidy(self, path: Any) -> None: ...


def publisher(path: AnyPath) -> Publisher:
    """The module that publishes at a place."""
    return publish if isinstance(path, Path) else cast(Publisher, sys.modules[__name__])


def published(path: ObjectPath, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
    """As ``publish.published``. What killed runs have left is no obstacle, nor a dataset that lacks its last file."""
    names = set(stores.sizes(path))
    foreign = next((name for name in sorted(names) if not _is_ours(name)), None)
    if METADATA not in names:
        if foreign or DATASET_INFO in names:
            raise InputError(
                f"{path} holds {foreign or DATASET_INFO} and is no dataset of this program; move that away, or give "
                "another --data-dir"
            )
        return None
    metadata = standing_as_asked(path, task, layout, overwrite, lambda file: file in names or file == DATASET_INFO)
    return metadata if DATASET_INFO in names else None


@contextlib.contextmanager
def locked(path: ObjectPath) -> Iterator[None]:
    """Keeps nobody out: a lock in a store would outlive a run that is killed."""
    yield


@contextlib.contextmanager
def staged(path: ObjectPath, layout: Layout) -> Iterator[ObjectPath]:
    """The prefix to write shards below, which becomes a dataset when the block ends without an exception.

    The files that describe the dataset are to be left in ``stores.catalog_directory``. What killed runs have left below
    the prefix is removed at the end; after an exception, what this run has written.

    Raises:
      InputError: Another run has made the dataset meanwhile.
      StoreError: The store fails, or shards have been removed by another run.
    """
    standing = (path / METADATA).read()
    run = stores.Run(uuid.uuid4().hex, Path(tempfile.mkdtemp(prefix=f"{NAME}-")))
    directory = ObjectPath(path.url, path.flags, run)
    try:
        yield directory
        _publish(directory, run.held, standing)
    except BaseException:
        with uninterrupted(), contextlib.suppress(InputError, StoreError):
            stores.give_up(run)
            _remove_own(directory, layout)
            _remove_reports(directory, run.token)
        raise
    finally:
        shutil.rmtree(run.held, ignore_errors=True)


def name_default_config(path: ObjectPath) -> None:
    """As ``publish.name_default_config``."""
    (path.parents[1] / ".config" / METADATA).put(json.dumps(DEFAULT_CONFIG).encode(), ABSENT)


def tidy(path: ObjectPath) -> None:
    """Removes what killed runs have left beside a dataset that stands, if it is old enough to be no other run's."""
    _remove_strays(path, time.time() - OLD_SECONDS)


def _publish(directory: ObjectPath, held: Path, standing: tuple[bytes, str] | None) -> None:
    """Makes a dataset of the shards that are there, if the mark is still the one that was standing at the beginning."""
    mark, info, features = ((held / name).read_bytes() for name in (METADATA, DATASET_INFO, FEATURES))
    files = json.loads(mark)["files"]
    _refuse_if_lost(directory, mark, standing)
    lost = sorted(set(files) - set(stores.sizes(directory)) - {DATASET_INFO, FEATURES})
    if lost:
        raise StoreError(f"{directory / lost[0]} was removed by another run while this one went on")
    (directory / FEATURES).put(features)
    if standing is None or standing[0] != mark:
        if standing is not None:
            (directory / DATASET_INFO).unlink()
        if not (directory / METADATA).put(mark, ABSENT if standing is None else standing[1]):
            # It may have been put all the same, by a request whose answer was lost, or by a run like this one.
            _refuse_if_lost(directory, mark, None)
    while not (directory / DATASET_INFO).put(info, ABSENT):
        found = (directory / DATASET_INFO).read()
        if found and found[0] == info:
            break
        _refuse_if_lost(directory, mark, None)
        (directory / DATASET_INFO).unlink()
    _remove_strays(directory)


def _refuse_if_lost(directory: ObjectPath, mark: bytes, standing: tuple[bytes, str] | None) -> None:
    """Raises InputError if the mark is neither this run's nor the one that was standing."""
    found = (directory / METADATA).read()
    if found is None or found[0] == mark or (standing and found[1] == standing[1]):
        return
    theirs, ours = (layout_of(json.loads(data)) for data in (found[0], mark))
    if theirs == ours:
        raise InputError(f"another run has made {directory} meanwhile with another PyArrow; give --overwrite")
    raise InputError(
        f"another run has made {directory} meanwhile, with {words(theirs)}, not {words(ours)}; give --overwrite to "
        "replace it"
    )


def _remove_own(directory: ObjectPath, layout: Layout) -> None:
    """Removes what a run of this layout has written, unless a dataset that stands has it too."""
    kept = (read_metadata(directory) or {}).get("files", {})
    own = {path for split in SPLITS for shard in range(layout.num_shards) for path in layout.paths(split, shard)}
    _remove(directory / name for name in stores.sizes(directory) if name in own and name not in kept)


def _remove_strays(path: ObjectPath, before: float = math.inf) -> None:
    """Removes what was written before a time and is not the dataset's: other layouts' shards, and reports."""
    kept = (read_metadata(path) or {}).get("files")
    if kept is None:
        return
    strays = (entry for entry in path.entries() if SHARD.fullmatch(entry.name) and entry.name not in kept)
    _remove(path / entry.name for entry in strays if entry.modified < before)
    _remove_reports(path, before=before)


def _remove_reports(path: ObjectPath, token: str = "", before: float = math.inf) -> None:
    beside = f".incomplete-{token}"
    old = (entry.name for entry in path.entries(beside) if entry.modified < before)
    _remove(ObjectPath(f"{path.url}{beside}{name}", path.flags) for name in old)


def _remove(objects: Iterable[ObjectPath]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ObjectPath.unlink, objects))


def _is_ours(name: str) -> bool:
    return name in (METADATA, DATASET_INFO, FEATURES) or SHARD.fullmatch(name) is not None
