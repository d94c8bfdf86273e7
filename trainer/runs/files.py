"""How a run writes its files: whole or not at all, and a failure is a ``WriteError``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seq2seq_arith.base import files
from seq2seq_arith.base.errors import WriteError


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` in the block into a ``WriteError`` that names the path."""
    try:
        yield
    except OSError as error:
        raise WriteError(path, error.strerror or error) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[files.HashedFile]:
    """A binary file as that of ``base.files.whole_file``, its folder made if need be.

    Raises:
      WriteError: The file cannot be written.
    """
    with translate_errors(path):
        files.make_directory(path.parent)
        with files.whole_file(path) as file:
            yield file


def write(path: Path, content: bytes) -> None:
    """Writes a small file.

    Raises:
      WriteError: The file cannot be written.
    """
    with whole_file(path) as file:
        file.write(content)
