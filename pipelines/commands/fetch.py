"""``arith-data fetch``: copies a finished dataset here, and publishes it when every file has its checksum."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events, progress
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.errors import InputError, RunError, StoreError
from seq2seq_arith.base.files import write_atomically
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.pipelines.checking.files import Files
from seq2seq_arith.pipelines.checking.metadata import OtherDatasetError, read_checked, with_advice
from seq2seq_arith.pipelines.commands.program import (
    ARITH_DATA,
    DATA_DIR,
    DATASET,
    NOTHING_LEFT,
    Sha256,
    print_load,
    refuse_surplus,
)
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.advice import advice
from seq2seq_arith.pipelines.formats.layout import DATA, DATASET_INFO, METADATA
from seq2seq_arith.pipelines.formats.location import dataset_path, find_dataset
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, local_path
from seq2seq_arith.pipelines.storage.staging import Staging

AT_ONCE = 8  # files
STOP_SECONDS = 2.0  # for threads to end: one that waits for a store that is silent is left to the end of the process


class Fetched(NamedTuple):
    """A copy of a dataset in a data directory."""

    source: AnyPath
    data_dir: str  # as it was typed
    path: Path
    task: Task
    is_new: bool  # it was not there already
    seconds: float


def show_fetched(fetched: Fetched) -> None:
    """Prints what was copied, or was there already, and how to load it."""
    events.emit("result", path=fetched.path, is_new=fetched.is_new)
    path, source = printable(fetched.path), printable(fetched.source)
    if fetched.is_new:
        print(f"{path} is a copy of {source}, each file with its sha256; {fetched.seconds:.1f} s")
    else:
        print(f"{path} is there already, and the same as {source}; nothing was done")
    print_load(fetched.task, fetched.path, fetched.data_dir)


@ARITH_DATA.command(
    "copy a dataset from an object store or a disk, and check it",
    "fetch gs://BUCKET/data/seq2seq_arith/addition/1.0.0 data",
    description="Copy a dataset from an object store or a disk, and check every file.\n\nThe copy is visible to other "
    "programs only when it is complete.",
    show=show_fetched,
)
def fetch(
    url: Annotated[str, Option(DATASET)],
    data_dir: Annotated[str, Option(f"the local {DATA_DIR}", metavar="DIR")] = DATA,
    *,
    overwrite: Annotated[bool, Option("replace an existing dataset of the same name, if its files differ")] = False,
    sha256: Sha256 = None,
    rest: Rest = NO_REST,
) -> Fetched:
    """Copies a dataset into a data directory, and checks every file; raises as ``copy``, but RunError for a disk."""
    refuse_surplus(rest, url, "fetch takes a URL and a directory")
    folder, source = local_path(data_dir), find_dataset(url, rest.words)
    if not (source / DATASET_INFO).is_file():
        raise InputError(
            f"{source} is not a finished dataset, for it has no {DATASET_INFO}; wait for the run that makes it"
        )
    start = time.perf_counter()
    try:
        path, task, is_new = copy(source, folder, overwrite, sha256)
    except StoreError as error:
        raise type(error)(f"{error}; {NOTHING_LEFT}") from error
    except OSError as error:
        raise RunError(f"{folder} could not be written: {error.strerror or error}; {NOTHING_LEFT}") from error
    return Fetched(source, data_dir, path, task, is_new, time.perf_counter() - start)


def copy(
    source: AnyPath, data_dir: Path, overwrite: bool = False, sha256: str | None = None
) -> tuple[Path, Task, bool]:
    """Copies the dataset of a directory or prefix into a data directory; ``overwrite`` replaces an existing one.

    If ``sha256`` is given, it must be that of ``metadata.json``. Returns the path of the copy, the task, and whether
    anything had to be copied. Raises InputError; StoreError if the source cannot be read or a file has a wrong
    checksum; an OSError of the disk; or PublishedError: the copy is complete, but the default config could not be
    written.
    """
    try:
        task, layout, metadata = read_checked(source, sha256)
        files = Files.from_metadata(source, task, layout, metadata["files"])
    except OSError as error:
        raise StoreError(f"{source} cannot be read: {error.strerror or error}") from None
    except OtherDatasetError as problem:
        raise StoreError(f"{source / METADATA}: {problem}") from None
    except Problem as problem:
        raise InputError(f"{source / METADATA}: {with_advice(problem, source)}") from None
    path = dataset_path(data_dir, task)
    publisher = DirectoryPublisher(path)
    with publisher.locked():
        existing = publisher.published(task, layout, overwrite)
        if existing is None:
            # Names or templates in the files that TFDS reads could send it elsewhere.
            if forged := next(iter([*files.count_problems(), *files.description_problems()]), None):
                raise InputError(f"{forged}; {advice(source, task)}")
            if lost := sorted(set(files.digests) - set(files.sizes)):
                raise StoreError(f"{source / lost[0]} is missing")
            paths.check_space(sum(files.sizes.values()), data_dir, "make room, or give another directory")
            with publisher.staged(layout) as staging:
                _copy_files(source, staging, files.digests, files.sizes)
                write_atomically(staging.catalog / METADATA, json.dumps(metadata).encode())
        elif existing != metadata:
            raise InputError(f"{path} is not the same as {source}, byte for byte; give --overwrite to replace it")
        publisher.name_default()
    return path, task, existing is None


def _copy_files(source: AnyPath, staging: Staging, digests: dict[str, str], sizes: dict[str, int]) -> None:
    """Copies these files, several at once, and shows the progress."""
    stop, names, results = threading.Event(), queue.SimpleQueue(), queue.SimpleQueue()
    for name in digests:
        names.put(name)

    def work() -> None:
        try:
            while not names.empty():
                name = names.get_nowait()
                _copy_file(source / name, staging, name, digests[name], sizes[name], stop)
        except queue.Empty:  # another thread took the last one
            results.put(None)
        except BaseException as error:
            results.put(error)
        else:
            results.put(None)

    # Not those of a pool, which Python waits for at its end.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(AT_ONCE)]
    progress.reset()
    totals = {"bytes": sum(sizes[name] for name in digests), "files": len(digests)}
    with progress.watch(totals, progress.count):
        try:
            for thread in threads:
                thread.start()
            for _ in threads:
                if error := results.get():
                    raise error
        finally:
            stop.set()
            end = time.monotonic() + STOP_SECONDS
            for thread in threads:
                if thread.is_alive():  # Ctrl-C can come before all have been started
                    thread.join(max(0.0, end - time.monotonic()))


def _copy_file(source: AnyPath, staging: Staging, name: str, digest: str, size: int, stop: threading.Event) -> None:
    """Copies one file of ``size`` bytes; a store that sends more would fill the disk."""
    copied = 0
    with staging.whole_file(name) as file:
        for piece in _pieces(source):
            if stop.is_set():
                raise InterruptedError
            if (copied := copied + len(piece)) > size:
                raise StoreError(f"{source} is longer than the {size:,} bytes that were listed")
            file.write(piece)
            progress.add("bytes", len(piece))
        if file.sha256 != digest:
            raise StoreError(f"{source} does not have the sha256 that {METADATA} states")
    progress.add("files", 1)


def _pieces(source: AnyPath) -> Iterator[bytes]:
    """A file from its beginning to its end. Every error here is one of the source, not of the disk that is written."""
    try:
        yield from paths.pieces(source)
    except FileNotFoundError:
        raise StoreError(f"{source} is missing") from None
    except OSError as error:
        raise StoreError(f"{source} cannot be read: {error.strerror or error}") from None
