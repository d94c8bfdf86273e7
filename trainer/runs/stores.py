"""Runs in an object store: this machine works on a copy, and puts every file that it writes into the store.

::

    gs://bucket/runs/addition  >  working_copy  >  a folder of this process, as any run's
                               <  put           <  each file, as soon as it is whole

Checkpoints are small, so nothing is kept between processes: the next process that opens the run copies it again. A file
of the store is replaced as a whole, so a killed training resumes from the last one that arrived.

Nothing locks a run in a store. A file that only a training writes is replaced only if it is still the one that this
process has read or written last. So of two trainings of one run, one ends at its next checkpoint.
"""

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from seq2seq_arith.base import process
from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.pipelines.storage.clients import ABSENT, etag
from seq2seq_arith.pipelines.storage.paths import Entry, ObjectPath, parse_place

TRAINED = (".npz", ".jsonl", ".csv")  # how the names of the files end that only a training writes
# The most that a run has there; more is a folder of something else.
MAX_FILES, MAX_BYTES = 10_000, 2**34


def working_copy(url: str) -> Path:
    """A folder with all files of a run in an object store, if there are any; it is removed when this process ends."""
    place = parse_place(url)
    assert isinstance(place, ObjectPath)
    entries, folder = _checked(url, place.entries()), _folder(place)
    for entry in entries:
        _download(place / entry.name, folder / entry.name, entry.etag)
    _prune(folder, {folder / entry.name for entry in entries})
    return folder


def _checked(url: str, entries: Iterable[Entry]) -> list[Entry]:
    """The visible files of a run; raises InputError if they cannot be those of one."""
    visible = (entry for entry in entries if not entry.name.startswith("."))
    files = list(itertools.islice(visible, MAX_FILES + 1))
    if len(files) > MAX_FILES or sum(file.size for file in files) > MAX_BYTES:
        raise InputError(f"{url} has more files than a run; give the folder of a run, or one that does not exist")
    # A key may be any text, also one that leads out of the folder.
    if strange := [file.name for file in files if {"", ".."} & {*file.name.split("/")}]:
        raise InputError(f"{url} has a file {strange[0]!r}, which no run has; give the folder of a run")
    return files


def _download(source: ObjectPath, path: Path, version: str) -> None:
    """Copies a file, unless the copy has this version already, or the file has been removed since it was listed."""
    copied = process.current().copied
    if path.exists() and etag(copied.get(path, "")) == version:
        return
    if (read := source.read()) is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content, copied[path] = read
        path.write_bytes(content)


def _prune(folder: Path, paths: set[Path]) -> None:
    """Removes the visible files of a copy that are no longer in the store, which are not among these paths."""
    for path in [path for path in folder.rglob("[!.]*") if path.is_file() and path not in paths]:
        path.unlink()
        process.current().copied.pop(path, None)  # what is written under its name next is new there


def _folder(place: ObjectPath) -> Path:
    """The folder of this process for the copy of a run; its name is that of the run."""
    copies = process.current().copies
    if existing := [folder for folder, copied in copies.items() if copied == place]:
        return existing[0]
    top = Path(tempfile.mkdtemp(prefix="arith-model-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    copies[top / place.name] = place
    return top / place.name


def put(path: Path) -> None:
    """Puts a file that has been written into the store, if it lies in a working copy."""
    target = _object(path)
    if target is None:
        return
    content = path.read_bytes()
    if path.suffix not in TRAINED:
        target.put(content)
        return
    copied = process.current().copied
    version = target.put(content, copied.get(path, ABSENT))
    if version is None:
        stored = target.read()  # a request whose response was lost may have succeeded, and was then repeated
        if stored is None or stored[0] != content:
            raise TrainingError(
                f"{target} was written or removed by another process while the model was trained; train a run in one "
                "process only"
            )
        version = stored[1]
    copied[path] = version


def shown(path: Path) -> str:
    """The name of a file or folder in messages: for a working copy, its URL."""
    return str(_object(path) or path)


def _object(path: Path) -> ObjectPath | None:
    """The object of which a path is the copy; None for other paths."""
    for folder, place in process.current().copies.items():
        if path.is_relative_to(folder):
            name = path.relative_to(folder).as_posix()
            return place if name == "." else place / name
    return None
