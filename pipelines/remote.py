"""A dataset in an object store, and how it gets there: the counterpart of ``publish``, for a prefix.

A store has neither locks nor a rename, but an object appears whole, and a small one can be written on the condition
that it is not there, or is still the version that was read (``ifGenerationMatch``, ``If-None-Match``, ``If-Match``).

1. Workers write shards under their final names. Nothing takes them for a dataset yet.
2. ``metadata.json``, the mark, which names every file, is put if there is none, or with ``overwrite`` if the one that
   stood when this run began still stands. This decides between runs, and there is only one that decides.
3. All files are listed once more. Whoever removes shards reads the mark before each few, so from now on these stay.
4. ``dataset_info.json`` is put last. TFDS takes a prefix for a dataset when it is there, and so does ``verify``.

All bytes are a function of the parameters, so a run that repeats another's work writes the same objects again. Only the
layout can differ, and then names do: the run that comes second is refused and removes what it wrote.

A run that dies between 2 and 4 leaves a mark without a dataset. The next run of the same layout completes it; one of
another layout cannot tell it from a run that goes on, and asks for ``overwrite``.

What a store cannot do: when a dataset is replaced by one of another layout, it is invisible from just before 2 until 4,
a moment without a dataset instead of a mixture, and whoever had opened the old one finds its files gone. Parquet by
another version of PyArrow has other bytes under the same names: while such a dataset is replaced, the checksums of the
old one do not hold. A run that is stopped removes the shards of its layout that were written since it began, and one
that publishes those of other layouts, unless the mark names them. Another run's may be among them; that one finds it
out in 3, says so and publishes nothing. What escapes it is a removal that has read the mark before that run's 2 and
ends after its 3: at most ``AT_ONCE`` requests, in flight all that time.
"""

import contextlib
import json
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
    naming,
    read_metadata,
    standing_as_asked,
    uninterrupted,
    words,
)
from seq2seq_arith.pipelines.shards import NAME, SPLITS, Layout
from seq2seq_arith.pipelines.stores import AnyPath, Entry, ObjectPath
from seq2seq_arith.pipelines.tasks import Task

SHARD = re.compile(rf"({NAME}-\w+\.tfrecord-\d+-of-\d+|parquet/\w+-\d+-of-\d+\.parquet)")
AT_ONCE = 16  # requests
OLD_SECONDS = 86_400  # an object that no dataset names and that is younger may be a run's that goes on


class Publisher(Protocol):
    """What ``publish`` does for directories, and this module for prefixes."""

    def published(self, path: Any, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None: ...
    def locked(self, path: Any) -> contextlib.AbstractContextManager[None]: ...
    def staged(self, path: Any, layout: Layout, overwrite: bool) -> contextlib.AbstractContextManager[Any]: ...
    def name_default_config(self, path: Any) -> None: ...
    def tidy(self, path: Any) -> None: ...


def publisher(path: AnyPath) -> Publisher:
    """The module that publishes at a place."""
    return publish if isinstance(path, Path) else cast(Publisher, sys.modules[__name__])


def published(path: ObjectPath, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
    """As ``publish.published``. What killed runs have left is no obstacle, but for the mark of another layout."""
    names = set(stores.sizes(path))
    foreign = next((name for name in sorted(names) if not _is_ours(name)), None)
    if METADATA not in names:
        if foreign or DATASET_INFO in names:
            raise InputError(
                f"{path} holds {foreign or DATASET_INFO} and is no dataset of this program; move that away, or give "
                "another --data-dir"
            )
        return None
    if DATASET_INFO in names:
        return standing_as_asked(path, task, layout, overwrite, names.__contains__)
    mark = read_metadata(path) or {}
    begun = layout_of(mark)
    if mark.get("parameters") == task.parameters() and begun != layout and not overwrite:
        raise InputError(
            f"{path} is being made with {words(begun)}, not {words(layout)}, by a run that goes on or was killed; wait "
            "for it, or give --overwrite to replace what it wrote"
        )
    # Of what is to be made anew, nothing can be lost.
    standing_as_asked(path, task, layout, overwrite, lambda _: True)
    return None


@contextlib.contextmanager
def locked(path: ObjectPath) -> Iterator[None]:
    """Keeps nobody out: a lock in a store would outlive a run that is killed."""
    yield


@contextlib.contextmanager
def staged(path: ObjectPath, layout: Layout, overwrite: bool = False) -> Iterator[ObjectPath]:
    """The prefix to write shards below, which becomes a dataset when the block ends without an exception.

    The files that describe the dataset are to be left in ``stores.catalog_directory``. What killed runs have left below
    the prefix is removed at the end; after an exception, what this run has written.

    Args:
      path: The prefix.
      layout: Of the dataset.
      overwrite: Whether to replace the dataset that stands there now. Without, no other is ever replaced, not even one
        that appears only now.

    Raises:
      InputError: Another run has made the dataset meanwhile.
      StoreError: The store fails, or shards have been removed by another run.
    """
    standing = (path / METADATA).read() if overwrite else None
    before = set(path.entries())
    run = stores.Run(uuid.uuid4().hex, Path(tempfile.mkdtemp(prefix=f"{NAME}-")))
    directory = ObjectPath(path.url, path.flags, run)
    try:
        yield directory
        _publish(directory, run.held, standing)
    except BaseException:
        with uninterrupted(), contextlib.suppress(InputError, StoreError):
            stores.give_up(run, lambda file: file.url.removeprefix(f"{path.url}/") in _named(path))
            _remove_own(path, layout, before)
            _remove_reports(path, run.token)
        raise
    finally:
        shutil.rmtree(run.held, ignore_errors=True)
    # The dataset stands. Who interrupts this, or a store that fails, leaves it to the next run.
    with contextlib.suppress(InputError, StoreError, KeyboardInterrupt):
        _remove_strays(path)
        _remove_reports(path, before=time.time() - OLD_SECONDS)


def name_default_config(path: ObjectPath) -> None:
    """As ``publish.name_default_config``."""
    with naming(path):
        (path.parents[1] / ".config" / METADATA).put(json.dumps(DEFAULT_CONFIG).encode(), ABSENT)


def tidy(path: ObjectPath) -> None:
    """Removes what killed runs have left beside a dataset that stands, if it is old enough to be no other run's."""
    with contextlib.suppress(InputError, StoreError):
        _remove_strays(path, time.time() - OLD_SECONDS)
        _remove_reports(path, before=time.time() - OLD_SECONDS)


def _publish(directory: ObjectPath, held: Path, standing: tuple[bytes, str] | None) -> None:
    """Makes a dataset of the shards that are there, if the mark is still the one that was standing at the beginning."""
    mark, info, features = ((held / name).read_bytes() for name in (METADATA, DATASET_INFO, FEATURES))
    files = json.loads(mark)["files"]
    _refuse_if_lost(directory, mark, standing)
    # Before the dataset that stands is withdrawn.
    _refuse_if_removed(directory, set(files) - {DATASET_INFO, FEATURES})
    (directory / FEATURES).put(features)
    if standing is None or standing[0] != mark:
        if standing is not None:
            (directory / DATASET_INFO).unlink()
        if not (directory / METADATA).put(mark, ABSENT if standing is None else standing[1]):
            # It may have been put all the same, by a request whose answer was lost, or by a run like this one.
            _refuse_if_lost(directory, mark, None)
    # A run that was stopped may have removed some until it saw the mark.
    _refuse_if_removed(directory, set(files) - {DATASET_INFO})
    # Interrupted here, nobody would know whether there is a dataset.
    with uninterrupted():
        while not (directory / DATASET_INFO).put(info, ABSENT):
            found = (directory / DATASET_INFO).read()
            if found and found[0] == info:
                break
            _refuse_if_lost(directory, mark, None)
            (directory / DATASET_INFO).unlink()


def _refuse_if_removed(directory: ObjectPath, files: set[str]) -> None:
    """Raises StoreError if some of the files are not there."""
    lost = sorted(files - set(stores.sizes(directory)))
    if lost:
        raise StoreError(f"{directory / lost[0]} was removed by another run while this one went on")


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


def _remove_own(path: ObjectPath, layout: Layout, before: set[Entry]) -> None:
    """Removes shards of this layout that were not there, or not the same, when a run of it began."""
    own = {file for split in SPLITS for shard in range(layout.num_shards) for file in layout.paths(split, shard)}
    _remove_unnamed(path, [entry.name for entry in path.entries() if entry.name in own and entry not in before])


def _remove_strays(path: ObjectPath, before: float | None = None) -> None:
    """Removes the shards that a dataset's mark does not name, if they were written before a time."""
    if not (kept := _named(path)):
        return
    strays = (entry for entry in path.entries() if SHARD.fullmatch(entry.name) and entry.name not in kept)
    _remove_unnamed(path, [entry.name for entry in strays if before is None or entry.modified < before])


def _remove_reports(path: ObjectPath, token: str = "", before: float | None = None) -> None:
    """Removes the report of one run, or those of all that were written before a time: others are about to be read."""
    beside = f".incomplete-{token}"
    old = [entry.name for entry in path.entries(beside) if before is None or entry.modified < before]
    _remove(ObjectPath(f"{path.url}{beside}{name}", path.flags) for name in old)


def _remove_unnamed(path: ObjectPath, names: list[str]) -> None:
    """Removes these files unless the mark names them, which another run may put at any time: it is read again often."""
    for start in range(0, len(names), AT_ONCE):
        kept = _named(path)
        _remove(path / name for name in names[start : start + AT_ONCE] if name not in kept)


def _named(path: ObjectPath) -> dict[str, str]:
    """The files that the mark names; none without one."""
    return (read_metadata(path) or {}).get("files") or {}


def _remove(objects: Iterable[ObjectPath]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ObjectPath.unlink, objects))


def _is_ours(name: str) -> bool:
    return name in (METADATA, DATASET_INFO, FEATURES) or SHARD.fullmatch(name) is not None
