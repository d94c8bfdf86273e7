"""Copies a finished dataset to this machine, and publishes it there when every file has its checksum."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seq2seq_arith.pipelines import progress, publish, stores
from seq2seq_arith.pipelines.errors import InputError, StoreError
from seq2seq_arith.pipelines.plan import check_space
from seq2seq_arith.pipelines.publish import DATASET_INFO, METADATA
from seq2seq_arith.pipelines.shards import HashedFile
from seq2seq_arith.pipelines.stores import AnyPath
from seq2seq_arith.pipelines.tasks import VERSION, Task
from seq2seq_arith.pipelines.verify import Problem, read_checked

AT_ONCE = 8  # files


def find(url: str, flags: list[str]) -> AnyPath:
    """The finished dataset that a person means: its own place, or the one above, whose name is that of the config.

    Raises:
      InputError: There is none that can be read.
    """
    given = stores.place(url, flags)
    try:
        for path in (given, given / VERSION):
            if (path / METADATA).is_file() and (path / DATASET_INFO).is_file():
                return path
    except OSError as error:
        raise InputError(f"{given} cannot be read: {error.strerror or error}") from None
    raise InputError(f"there is no finished dataset at {given}; give DATA_DIR/seq2seq_arith/CONFIG/{VERSION}")


def fetch(source: AnyPath, data_dir: Path, overwrite: bool = False) -> tuple[Path, Task, bool]:
    """Copies the dataset into a data directory.

    Returns:
      Where it is now, its task, and whether anything had to be copied.

    Raises:
      InputError: It is no dataset, something else stands in its place, or another run is at it.
      OSError: The disk is full, or the directory cannot be written.
      StoreError: The source cannot be read, or a file does not have its checksum.
      PublishedError: The copy is complete, but the default config could not be named.
    """
    try:
        task, layout, metadata = read_checked(source)
        sizes = stores.sizes(source)
    except OSError as error:
        raise StoreError(f"{source} cannot be read: {error.strerror or error}") from None
    except Problem as problem:
        raise InputError(f"{source / METADATA}: {problem}; check it with arith-data verify") from None
    path = publish.dataset_path(data_dir, task)
    with publish.locked(path):
        standing = publish.published(path, task, layout, overwrite)
        if standing is None:
            check_space(sum(sizes.values()), data_dir, "make room, or give another directory")
            with publish.staged(path) as directory:
                if layout.parquet:
                    (directory / "parquet").mkdir()
                _copy(source, directory, metadata["files"], sizes)
                (directory / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
        elif standing != metadata:
            raise InputError(f"{path} is not the same as {source}, byte for byte; give --overwrite to replace it")
        publish.name_default_config(path)
    return path, task, standing is None


def _copy(source: AnyPath, directory: Path, digests: dict[str, str], sizes: dict[str, int]) -> None:
    """Copies these files, several at once, showing how far that has come."""
    stop = threading.Event()
    progress.reset()
    totals = {"bytes": sum(sizes.get(name, 0) for name in digests), "files": len(digests)}
    with progress.shown(totals, progress.count), ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in pool.map(lambda name: _copy_file(source / name, directory / name, digests[name], stop), digests):
                pass
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _copy_file(source: AnyPath, target: Path, digest: str, stop: threading.Event) -> None:
    with HashedFile(target) as file:
        for piece in _pieces(source):
            if stop.is_set():
                return
            file.write(piece)
            progress.add("bytes", len(piece))
        file.sync()
    if file.sha256 != digest:
        raise StoreError(f"{source} does not have the sha256 that {METADATA} states")
    progress.add("files", 1)


def _pieces(source: AnyPath) -> Iterator[bytes]:
    """A file from its beginning to its end; what fails here is the source, and never the disk that is written to."""
    try:
        yield from stores.pieces(source)
    except FileNotFoundError:
        raise StoreError(f"{source} is missing") from None
    except OSError as error:
        raise StoreError(f"{source} cannot be read: {error.strerror or error}") from None
