"""Copies a finished dataset to this machine, and publishes it there when every file has its checksum."""

import json
import threading
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
      InputError: There is none.
    """
    given = stores.place(url, flags)
    for path in (given, given / VERSION):
        if (path / METADATA).is_file() and (path / DATASET_INFO).is_file():
            return path
    raise InputError(f"there is no finished dataset at {given}; give DATA_DIR/seq2seq_arith/CONFIG/{VERSION}")


def fetch(source: AnyPath, data_dir: Path, overwrite: bool = False) -> tuple[Path, Task, bool]:
    """Copies the dataset into a data directory.

    Returns:
      Where it is now, its task, and whether anything had to be copied.

    Raises:
      InputError: It is no dataset, something else stands in its place, or another run is at it.
      OSError: The disk is full, or the directory cannot be written.
      StoreError: The store fails, or a file does not have its checksum.
    """
    try:
        task, layout, metadata = read_checked(source)
    except Problem as problem:
        raise InputError(f"{source / METADATA}: {problem}; check it with arith-data verify") from None
    path = publish.dataset_path(data_dir, task)
    check_space(sum(stores.sizes(source).values()), data_dir)
    with publish.locked(path):
        standing = publish.published(path, task, layout, overwrite)
        if standing is None:
            with publish.staged(path) as directory:
                if layout.parquet:
                    (directory / "parquet").mkdir()
                _copy(source, directory, metadata["files"])
                (directory / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
        elif standing != metadata:
            raise InputError(f"{path} is not the same as {source}, byte for byte; give --overwrite to replace it")
        publish.name_default_config(path)
    return path, task, standing is None


def _copy(source: AnyPath, directory: Path, digests: dict[str, str]) -> None:
    """Copies these files, several at once, showing how far that has come."""
    sizes = stores.sizes(source)
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
        try:
            for piece in stores.pieces(source):
                if stop.is_set():
                    return
                file.write(piece)
                progress.add("bytes", len(piece))
        except FileNotFoundError:
            raise StoreError(f"{source} is missing") from None
        file.sync()
    if file.sha256 != digest:
        raise StoreError(f"{source} does not have the sha256 that {METADATA} states")
    progress.add("files", 1)
