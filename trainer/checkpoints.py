"""Checkpoints: every variable and the state of the run, in one file that appears whole or not at all."""

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.pipelines import InputError

if TYPE_CHECKING:
    import keras

STATE = "state"


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under its final name only when it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def save(path: Path, variables: "list[keras.Variable]", state: dict[str, Any]) -> None:
    """Saves variables, in order, and a JSON state, as an uncompressed NumPy archive.

    Args:
      path: The file, its folder made if need be.
      variables: What to save.
      state: What JSON can hold.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    arrays: dict[str, Any] = {f"{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
    arrays[STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """What ``save`` saved.

    Raises:
      InputError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = sorted(name for name in archive.files if name != STATE)
            state = json.loads(archive[STATE].tobytes())
            return [archive[name] for name in names], state
    except FileNotFoundError:
        raise InputError(f"there is no checkpoint {path}; train the run first") from None
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"the checkpoint {path} cannot be read ({error}); delete it, and train again") from None


def assign(variables: "list[keras.Variable]", arrays: list[np.ndarray], path: Path) -> None:
    """Puts saved values into variables of the same shapes.

    Raises:
      InputError: The values are those of another model.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in arrays[: len(variables)]]:
        raise InputError(f"the checkpoint {path} is that of another model; give the run's own folder")
    for variable, array in zip(variables, arrays, strict=False):
        variable.assign(array)
