"""Runs in an object store: this machine works on a copy, and puts every file that it writes into the store.

::

    gs://bucket/runs/addition  >  working_copy  >  a folder of this process, as any run's
                               <  put           <  each file, as soon as it is whole

Checkpoints are small, so nothing is kept between processes: the next process that opens the run copies it anew. A file
of the store is replaced as a whole, so a killed training goes on from the last one that arrived.

Nothing locks a run in a store. A file that only a training writes is replaced only if it is still the one that this
process has read or written last. So of two trainings of one run, one ends at its next checkpoint.
"""

import atexit
import functools
import itertools
import shutil
import tempfile
from pathlib import Path

from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.pipelines.places.clients import ABSENT, etag
from seq2seq_arith.pipelines.places.paths import ObjectPath, parse_place

TRAINED = (".npz", ".jsonl", ".csv")  # how the names of the files end that only a training writes
# The most that a run has there; more is a folder of something else.
MOST_FILES, MOST_BYTES = 10_000, 2**34

_copies: dict[Path, ObjectPath] = {}  # the folders of this process, and whose copies they are
_copied: dict[Path, str] = {}  # the versions of their files


def working_copy(url: str) -> Path:
    """A folder with all files of a run in an object store, if there are any; it is removed when this process ends."""
    place = parse_place(url)
    assert isinstance(place, ObjectPath)
    found = (entry for entry in place.entries() if not entry.name.startswith("."))
    entries = list(itertools.islice(found, MOST_FILES + 1))
    if len(entries) > MOST_FILES or sum(entry.size for entry in entries) > MOST_BYTES:
        raise InputError(f"{url} has more files than a run; give the folder of a run, or one that is not there yet")
    # A key may be any text, also one that leads out of the folder.
    if strange := [entry.name for entry in entries if {"", ".."} & {*entry.name.split("/")}]:
        raise InputError(f"{url} has a file {strange[0]!r}, which no run has; give the folder of a run")
    folder = _folder(place)
    for entry in entries:
        path = folder / entry.name
        if path.exists() and etag(_copied.get(path, "")) == entry.etag:
            continue
        if (read := (place / entry.name).read()) is not None:  # else it has been removed since
            path.parent.mkdir(parents=True, exist_ok=True)
            content, _copied[path] = read
            path.write_bytes(content)
    kept = {folder / entry.name for entry in entries}
    for path in [path for path in folder.rglob("[!.]*") if path.is_file() and path not in kept]:
        path.unlink()
        _copied.pop(path, None)  # what is written under its name next is new there
    return folder


@functools.cache
def _folder(place: ObjectPath) -> Path:
    """A folder of this process for the copy of a run; its name is that of the run."""
    top = Path(tempfile.mkdtemp(prefix="arith-model-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    folder = top / place.name
    _copies[folder] = place
    return folder


def put(path: Path) -> None:
    """Puts a file that has been written into the store, if it lies in a working copy."""
    there = _object(path)
    if there is None:
        return
    content = path.read_bytes()
    if path.suffix not in TRAINED:
        there.put(content)
        return
    version = there.put(content, _copied.get(path, ABSENT))
    if version is None:
        found = there.read()  # an attempt whose answer was lost may have been done, and was then repeated
        if found is None or found[0] != content:
            raise TrainingError(
                f"{there} was written or removed by another process while the model was trained; let only one train "
                "there"
            )
        version = found[1]
    _copied[path] = version


def shown(path: Path) -> str:
    """What people are told of a file or folder: of a working copy, the URL."""
    return str(_object(path) or path)


def _object(path: Path) -> ObjectPath | None:
    """The object of which a path is the copy; None for other paths."""
    for folder, place in _copies.items():
        if path.is_relative_to(folder):
            name = path.relative_to(folder).as_posix()
            return place if name == "." else place / name
    return None
