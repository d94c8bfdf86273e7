"""Runs in an object store: this machine works on a copy, and puts every file that it writes into the store.

::

    gs://bucket/runs/addition  >  working_copy  >  a folder of this process, as any run's
                               <  put           <  each file, as soon as it is whole

Checkpoints are small, so nothing is kept between processes: whoever opens the run next, on this machine or another one,
copies it anew. A file of the store is replaced as a whole, so a killed training goes on from the last one that arrived.
"""

import atexit
import contextlib
import dataclasses
import functools
import io
import itertools
import math
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from seq2seq_arith.base.errors import InputError, StoreError, TrainingError
from seq2seq_arith.pipelines.places.operations import ABSENT
from seq2seq_arith.pipelines.places.paths import ObjectPath, parse_place
from seq2seq_arith.trainer.runs.holder import Holder

LEASE = ".lease"  # the object by which a training keeps others out
LEASE_SECONDS = 120.0  # without a sign of life for so long, a training is dead
RENEWAL_SECONDS = 20.0
RENEWING = "renewing the lease of a run"  # the name of the thread that does it
# The most that a run has there; more is a folder of something else.
MOST_FILES, MOST_BYTES = 10_000, 2**34

_copies: dict[Path, ObjectPath] = {}  # the folders of this process, and whose copies they are
_copied: dict[Path, str] = {}  # the versions of their files
_lost: set[Path] = set()  # those whose lease is gone


def is_url(place: str | Path) -> bool:
    """Whether this is meant for a place in an object store."""
    return "://" in str(place)


def working_copy(url: str) -> Path:
    """A folder with all files of a run in an object store, as they are now; it is removed when this process ends.

    Args:
      url: ``gs://BUCKET/FOLDER`` or ``s3://BUCKET/FOLDER``; nothing needs to be there yet.

    Raises:
      InputError: The URL or the store cannot be used, or there is more than a run has.
      StoreError: The store fails.
    """
    place = parse_place(url)
    assert isinstance(place, ObjectPath)
    found = (entry for entry in place.entries() if not entry.name.startswith("."))
    entries = list(itertools.islice(found, MOST_FILES + 1))
    if len(entries) > MOST_FILES or sum(entry.size for entry in entries) > MOST_BYTES:
        raise InputError(f"{url} has more files than a run; give the folder of a run, or one that is not there yet")
    # A key may be any text, also one that leads out of the folder.
    folders = {str(parent) for entry in entries for parent in PurePosixPath(entry.name).parents}
    if strange := [entry.name for entry in entries if entry.name in folders or not _is_plain(entry.name)]:
        raise InputError(f"{url} has a file {strange[0]!r}, which no run has; give the folder of a run")
    folder = _folder(place)
    for entry in entries:
        path = folder / entry.name
        if not path.exists() or _copied.get(path) != entry.version:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines((place / entry.name).pieces())
            _copied[path] = entry.version
    kept = {folder / entry.name for entry in entries}
    for path in [path for path in folder.rglob("[!.]*") if path.is_file() and path not in kept]:
        path.unlink()
    return folder


def _is_plain(name: str) -> bool:
    """Whether a name is that of a file below a folder, on any disk."""
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and "\0" not in name and all(len(part.encode()) <= 255 for part in parts)


@functools.cache
def _folder(place: ObjectPath) -> Path:
    """A folder of this process for the copy of a run; its name is that of the run."""
    top = Path(tempfile.mkdtemp(prefix="arith-model-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    folder = top / place.name
    _copies[folder] = place
    return folder


def is_copy(folder: Path) -> bool:
    """Whether a folder is the working copy of a run in a store."""
    return folder in _copies


def put(path: Path) -> None:
    """Puts a file that has been written into the store, if it lies in a working copy.

    Raises:
      InputError, StoreError: The store does not take it.
      TrainingError: Another process has taken the run over.
    """
    if (there := _object(path)) is not None:
        _check_not_lost(path)
        there.put(path.read_bytes())


def shown(path: Path) -> str:
    """What people are told of a file or folder: of a working copy, the URL."""
    return str(_object(path) or path)


@contextlib.contextmanager
def leased(folder: Path) -> Iterator[None]:
    """Keeps other processes, of any machine, from training a run in a store meanwhile.

    An object there says who trains, and is written anew while that one lives. One whose process has died on this
    machine, or which is older than ``LEASE_SECONDS``, is taken over.

    Raises:
      InputError: Another process is training there.
      TrainingError: At the end of the block, if another one has taken the run over meanwhile, or removed it. (``put``
        raises it before that.)
    """
    place = _copies[folder]
    lease = place / LEASE
    mine = Holder.here()
    version = _take(lease, mine)
    stopped = threading.Event()

    def renew() -> None:
        nonlocal version
        renewed = time.time()
        while not stopped.wait(RENEWAL_SECONDS):
            # A store that fails now may answer the next time; the lease lasts longer than that.
            with contextlib.suppress(InputError, StoreError):
                now = time.time()
                written = _write(lease, dataclasses.replace(mine, time=now), version)
                version, renewed = (written, now) if written else (version, -math.inf)
            if time.time() - renewed > LEASE_SECONDS:
                _lost.add(folder)
                return

    thread = threading.Thread(target=renew, name=RENEWING, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        is_lost = folder in _lost
        if not is_lost:
            lease.unlink()
        _lost.discard(folder)
    if is_lost:
        raise _taken(place)


def _take(lease: ObjectPath, mine: Holder) -> str:
    """Takes a lease, and returns its version.

    Raises:
      InputError: Another process has it.
    """
    found = lease.read()
    version, holder = (ABSENT, None) if found is None else (found[1], Holder.unpacked(found[0]))
    if (holder is not None and holder.lives(LEASE_SECONDS)) or not (written := _write(lease, mine, version)):
        place = lease.url.removesuffix(f"/{LEASE}")
        raise InputError(
            f"{holder or 'another process'} is training {place}; wait for it, or give another --run-dir (if it was "
            f"killed, it counts as gone after {LEASE_SECONDS:.0f} seconds)"
        )
    return written


def _write(lease: ObjectPath, holder: Holder, version: str) -> str | None:
    """Writes a lease that has this version, and returns the new one; None if another process has written it.

    The new version comes with the answer: asked for later, it might be that of another process's lease.
    """
    content = holder.packed()
    if (written := lease.upload(io.BytesIO(content), version=version)) is not None:
        return written
    found = lease.read()  # an attempt whose answer was lost may have been done, and was then repeated
    return found[1] if found is not None and found[0] == content else None


def _check_not_lost(path: Path) -> None:
    """Raises TrainingError if another process has taken over the run of a file."""
    for folder in _lost:
        if path.is_relative_to(folder):
            raise _taken(_copies[folder])


def _taken(place: ObjectPath) -> TrainingError:
    """Of a run that another process has now."""
    return TrainingError(f"{place} was removed or taken over by another process while the model was trained")


def _object(path: Path) -> ObjectPath | None:
    """The object of which a path is the copy; None for other paths."""
    for folder, place in _copies.items():
        if path.is_relative_to(folder):
            name = path.relative_to(folder).as_posix()
            return place if name == "." else place / name
    return None
