"""How the files of a run are written and read.

They are written whole or not at all, and a failure is a ``WriteError``. What belongs to a run in an object store is put
there, too, when it is whole.

The folder of a run may come from a stranger: a pipe in place of a file would block its reader, and a device or a large
file would fill the memory. So only regular files are read, up to a limit. A run in an object store is read from its
copy.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from seq2seq_arith.base import files
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.trainer.runs import stores

# The most bytes of a file of a run, by the end of its name. An evaluation has a score per slice and length; the lists
# have a line per epoch, and there is room for a million.
MOST_OF_A_LIST = 2**28
MOST = {
    "config.json": 2**20,
    "summary.json": 2**20,
    "evaluation.json": 2**26,
    ".jsonl": MOST_OF_A_LIST,
    ".csv": MOST_OF_A_LIST,
}


def read(path: Path) -> str:
    """The text of a file of a run, whose kind is one of ``MOST``.

    Raises:
      OSError: It is missing, is not a regular file, has more bytes than such a file, or cannot be read.
      UnicodeDecodeError: It is not UTF-8.
    """
    most = next(most for end, most in MOST.items() if path.name.endswith(end))
    return files.read_regular(path, most).decode()


def unreadable(path: Path, error: OSError) -> InputError:
    """The refusal of a file that ``read`` could not read, and what to do: no right to read mends what is not a file."""
    strange = error.errno in (errno.EINVAL, errno.EFBIG, errno.EISDIR)
    mend = "remove it, or give another run" if strange else "give yourself access to it"
    return InputError(f"{stores.shown(path)} cannot be read: {error.strerror or error}; {mend}")


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` in the block into a ``WriteError`` that names the path."""
    try:
        yield
    except OSError as error:
        raise WriteError(stores.shown(path), error.strerror or error) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[files.HashedFile]:
    """A binary file as that of ``base.files.whole_file``, its folder made if need be.

    Raises:
      WriteError: The file cannot be written.
      StoreError: It belongs to a run in an object store, which fails.
    """
    with translate_errors(path):
        files.make_directory(path.parent)
        with files.whole_file(path) as file:
            yield file
    stores.put(path)


def write(path: Path, content: bytes) -> None:
    """Writes a small file.

    Raises:
      WriteError, StoreError: As ``whole_file``.
    """
    with whole_file(path) as file:
        file.write(content)


def rename(path: Path, to: Path) -> None:
    """Gives a file another name, under which there may be one; a store gets a copy, and keeps the first name, too.

    Raises:
      WriteError: It cannot be renamed.
      StoreError: As ``whole_file``.
    """
    with translate_errors(to):
        path.replace(to)
    stores.put(to)
