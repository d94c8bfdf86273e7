"""Where a dataset stands on disk, and how it gets there: complete, or not at all.

``remote`` does the same for object stores.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, overload

from seq2seq_arith.pipelines.errors import InputError, PublishedError, StoreError
from seq2seq_arith.pipelines.shards import NAME, TEMPORARY, Layout
from seq2seq_arith.pipelines.stores import AnyPath, ObjectPath
from seq2seq_arith.pipelines.tasks import DEFAULT_TASK, VERSION, Task

METADATA, DATASET_INFO, FEATURES = "metadata.json", "dataset_info.json", "features.json"
DEFAULT_CONFIG = {"default_config_name": DEFAULT_TASK}
STAGING = f"{VERSION}.incomplete-"


@overload
def dataset_path(data_dir: Path, task: Task) -> Path: ...
@overload
def dataset_path(data_dir: ObjectPath, task: Task) -> ObjectPath: ...
def dataset_path(data_dir: AnyPath, task: Task) -> AnyPath:
    """The directory, or the prefix, of a task's dataset: DATA_DIR/seq2seq_arith/CONFIG/1.0.0."""
    return data_dir / NAME / task.config_name / VERSION


def published(path: Path, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
    """The metadata of the dataset that stands at the path, if it is the one that is wanted.

    Returns:
      None if the dataset is to be made.

    Raises:
      InputError: Something else stands there, or the same dataset with other files and ``overwrite`` is not set.
    """
    obstacle = next((part for part in path.parents if part.exists() and not part.is_dir()), None)
    if obstacle:
        raise InputError(f"{obstacle} is a file, not a directory; give another --data-dir")
    if not path.exists():
        return None
    return standing_as_asked(path, task, layout, overwrite, lambda file: (path / file).is_file())


def standing_as_asked(
    path: AnyPath, task: Task, layout: Layout, overwrite: bool, has: Callable[[str], bool]
) -> dict[str, Any] | None:
    """As ``published``, for a path that is there, and whose files ``has`` knows."""
    metadata = read_metadata(path)
    if metadata is None or metadata.get("parameters") != task.parameters():
        raise InputError(f"{path} is no dataset of this program; move it away, or give another --data-dir")
    standing = layout_of(metadata)
    if overwrite:
        return None
    if standing != layout:
        raise InputError(
            f"{path} has {words(standing)}, not {words(layout)} as asked for; give --overwrite to replace it"
        )
    lost = next((file for file in metadata["files"] if not has(file)), None)
    if lost:
        raise InputError(f"{path} has lost its file {lost}; give --overwrite to make the dataset anew")
    return metadata


def read_metadata(path: AnyPath) -> dict[str, Any] | None:
    """What a dataset's ``metadata.json`` holds; None if there is none that can be read."""
    try:
        metadata = json.loads((path / METADATA).read_text(encoding="utf-8"))
    except InputError:  # of a store
        raise
    except (OSError, ValueError, RecursionError):
        return None
    return metadata if isinstance(metadata, dict) else None


def layout_of(metadata: dict[str, Any]) -> Layout:
    """How the dataset with this metadata is cut into files."""
    files = metadata.get("files")
    parquet = isinstance(files, dict) and any(str(file).startswith("parquet/") for file in files)
    return Layout(metadata.get("num_shards", 0), parquet)


def local_path(directory: str) -> Path:
    """The absolute path of a directory on this machine.

    Raises:
      InputError: It is a URL.
    """
    if "://" in directory:
        raise InputError(
            f"{directory} is on no disk of this machine; make the dataset with arith-data generate, or fetch it with "
            "arith-data fetch"
        )
    return Path(directory).absolute()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other runs from making the dataset at ``path``; the operating system lets go when a process dies.

    Folders that were made for the lock and are empty at the end are removed.

    Raises:
      InputError: Another run is at it, or the folder cannot be written.
    """
    created = [part for part in path.parents if not part.exists()]
    try:
        descriptor = _open_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written: {error.strerror}; give another --data-dir") from None
    try:
        _lock(descriptor, path)
        try:
            yield
        finally:
            # While it is locked: afterwards the folder may be another run's.
            with uninterrupted():
                _remove_empty(created)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged(path: Path, layout: Layout | None = None, overwrite: bool = False) -> Iterator[Path]:
    """An empty directory that becomes ``path`` when the block ends without an exception, and is gone otherwise.

    Only while the path is locked. What a run that was killed has left beside it is removed first, and a dataset that
    stands at the path is replaced. The layout and ``overwrite`` matter only in stores.
    """
    remove_leftovers(path)
    directory = path.with_name(f"{STAGING}{uuid.uuid4().hex[:8]}")
    try:
        directory.mkdir()
        yield directory
        _replace(directory, path)
    finally:
        with uninterrupted():
            _remove(directory)


def name_default_config(path: Path) -> None:
    """Names the config that ``tfds.load`` takes when it is given none, for the datasets beside the one at ``path``.

    The file is the one that TFDS writes; several runs may write it at once.

    Raises:
      PublishedError: It cannot be written.
    """
    named = path.parents[1] / ".config" / METADATA
    temporary = named.with_name(f"{uuid.uuid4().hex}.incomplete")
    with naming(path):
        if named.exists():
            return
        named.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(DEFAULT_CONFIG))
            temporary.replace(named)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: AnyPath) -> Iterator[None]:
    """What stops the naming of the default config does not undo the dataset, and shall not look as if it had."""
    try:
        yield
    except (InputError, StoreError, OSError, KeyboardInterrupt) as error:
        reason = getattr(error, "strerror", "") or str(error) or "stopped"
        raise PublishedError(
            f"{path} is complete, but which config is the default one could not be written ({reason}); run this again"
        ) from error


def tidy(path: Path) -> None:
    """Removes what killed runs have left beside a dataset that stands, unless a run is at it."""
    with contextlib.suppress(InputError), locked(path):
        remove_leftovers(path)


def remove_leftovers(path: Path) -> None:
    """Removes what runs that were killed have left beside a dataset; only while it is locked."""
    for leftover in path.parent.glob(f"{path.name}.incomplete*"):
        _remove(leftover)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Whoever presses Ctrl-C again, and again, shall not stop the cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # which no signal interrupts
        return
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = _is_open(descriptor, path.parent)  # a run that ended may have removed the folder since it was opened
    except BlockingIOError:
        free = False
    if not free:
        raise InputError(f"another run is making {path}; wait for it, then run this again")


def _open_folder(folder: Path) -> int:
    """A descriptor of a folder, which is made if need be; tried again if a run that ends removes it meanwhile."""
    for attempts_left in reversed(range(100)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(folder, os.O_RDONLY)
        except (FileNotFoundError, FileExistsError):
            if not attempts_left:
                raise
    raise AssertionError


def _is_open(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def _replace(directory: Path, path: Path) -> None:
    # The shards are on the disk already.
    for entry in (*directory.glob("*.json"), *(entry for entry in directory.iterdir() if entry.is_dir()), directory):
        _sync(entry)
    old = path.with_name(f"{STAGING}old-{uuid.uuid4().hex[:8]}")
    with uninterrupted():
        if path.exists():
            path.rename(old)
        directory.rename(path)
        # A worker that its engine believes dead may still be at a file; what it has begun came along, and it finds the
        # way back to it no more.
        for begun in path.rglob(f"{TEMPORARY}*"):
            begun.unlink(missing_ok=True)
        _sync(path.parent)
        _remove(old)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_empty(directories: list[Path]) -> None:
    for directory in directories:
        with contextlib.suppress(OSError):
            directory.rmdir()


def _remove(directory: Path) -> None:
    """Removes a directory in which threads of a broken run may still finish a file."""
    for attempt in range(50):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.02 * (attempt + 1))


def words(layout: Layout) -> str:
    """A layout, for messages."""
    return f"{layout.num_shards} shards {'with' if layout.parquet else 'without'} Parquet"
