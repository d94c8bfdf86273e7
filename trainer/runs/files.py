"""How a run's files are written: whole or not at all, with a ``WriteError`` if not, and into its store, too."""

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from seq2seq_arith.base import files
from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import json_sha256
from seq2seq_arith.trainer.runs import stores

T = TypeVar("T")
SHA256 = "sha256"


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` in the block into a ``WriteError`` that names the path."""
    try:
        yield
    except OSError as error:
        raise WriteError(stores.shown(path), error.strerror or error) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[files.HashedFile]:
    """A binary file as that of ``base.files.whole_file``, its folder made if need be."""
    with translate_errors(path):
        files.make_directory(path.parent)
        with files.whole_file(path) as file:
            yield file
    stores.put(path)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which gets its name when the block ends, and is removed if it fails, with a WriteError."""
    # mkdir follows no link, and fails if the name is taken.
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    try:
        with translate_errors(folder):
            partial.mkdir(parents=True)
            yield partial
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    """Writes a small file; raises WriteError if it cannot be written."""
    with whole_file(path) as file:
        file.write(content)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a JSON object with its sha256, as ``stamped``."""
    write(path, (json.dumps(stamped(values), indent=2) + "\n").encode())


def read_json(path: Path, kind: type[T], *, further: bool = False) -> T:
    """What ``write_json`` wrote, as a value of this type; raises OSError, and InputError as ``unstamped``."""
    return unstamped(path.read_bytes(), kind, further=further)


def read_if_whole(path: Path, kind: type[T], *, further: bool = False) -> T | None:
    """As ``read_json``, of a file on which nothing depends: None if it is not there, or damaged."""
    try:
        return read_json(path, kind, further=further)
    except (OSError, InputError):
        return None


def stamped(values: dict[str, Any]) -> dict[str, Any]:
    """JSON values and, last, their sha256: a bit that has changed on a disk is noticed."""
    return {**values, SHA256: json_sha256(values)}


def unstamped(text: str | bytes, kind: type[T], *, further: bool = False) -> T:
    """The JSON object whose ``stamped`` values these are, or that was changed by hand, as a value of this type.

    ``further`` as in ``decode``. Raises InputError if the values are not those of the sha256, or not of the type.
    """
    values = decode(dict[str, Any], parse(text))
    stated = values.pop(SHA256, None)
    if stated is not None and stated != json_sha256(values):
        raise InputError("it does not have the sha256 that it states; if you have changed it, remove that entry")
    return decode(kind, values, further=further)


def rename(path: Path, to: Path) -> None:
    """Gives a file another name, under which there may be one; a store gets a copy, and keeps the first name, too."""
    with translate_errors(to):
        path.replace(to)
    stores.put(to)
