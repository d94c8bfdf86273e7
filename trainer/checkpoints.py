"""Checkpoints: every variable and the state of the run, in one file that appears whole or not at all."""

import contextlib
import json
import os
import platform
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer.errors import WriteError

if TYPE_CHECKING:
    import keras

STATE = "state"
PARTIAL_SECONDS = 3600


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under its final name only when it is complete and on disk.

    Raises:
      WriteError: It cannot be written.
    """
    with _whole(path) as file:
        file.write(content)


def save(path: Path, variables: "list[keras.Variable]", state: dict[str, Any]) -> None:
    """Saves variables, in order, and a JSON state, as an uncompressed NumPy archive.

    Args:
      path: The file, its folder made if need be.
      variables: What to save.
      state: What JSON can hold.

    Raises:
      WriteError: It cannot be written.
    """
    arrays: dict[str, Any] = {str(index): np.asarray(variable) for index, variable in enumerate(variables)}
    arrays[STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with _whole(path) as file:
        np.savez(file, **arrays)


def load(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """What ``save`` saved.

    Raises:
      InputError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            # NumPy stops reading before the checksum of an array that has become shorter.
            if damaged := archive.zip.testzip():
                raise ValueError(f"bad checksum of {damaged}")
            state = json.loads(archive[STATE].tobytes())
            names = sorted((name for name in archive.files if name != STATE), key=int)
            return [archive[name] for name in names], state
    except FileNotFoundError:
        raise InputError(f"there is no checkpoint {path}; train the run first") from None
    # Bit by bit, damage makes zipfile and NumPy raise any of these.
    except (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"the checkpoint {path} cannot be read ({error}); delete it, and train again") from None


def assign(variables: "list[keras.Variable]", arrays: list[np.ndarray], path: Path) -> None:
    """Puts saved values into variables of the same shapes.

    Raises:
      InputError: The values are those of another model.
    """
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in arrays]:
        raise InputError(f"the checkpoint {path} is that of another model; give the run's own folder")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def remove_partial(folder: Path) -> None:
    """Removes what killed processes have left half-written, if it is old enough to be no other process's."""
    for path in folder.glob(".*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > PARTIAL_SECONDS:
                path.unlink()


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when it is complete and on disk; of one that fails nothing is left.

    Raises:
      WriteError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        # Where the place itself is the trouble, so is this; the first trouble is the one to hear of.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WriteError(path, error.strerror or error) from error
        raise
