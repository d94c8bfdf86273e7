"""Checkpoints: the variables and the state of a run, in one file that appears whole or not at all.

A checkpoint is a NumPy archive, compressed only in the package. Each variable has its path in the model as its key, and
the state is JSON, as bytes, with the version of this format::

    encoder/lstm_cell/kernel                        float32 [13, 512]
    encoder/lstm_cell/recurrent_kernel              float32 [128, 512]
    ...
    adam/encoder_lstm_cell_kernel_momentum          float32 [13, 512]
    ...
    state                                           uint8 [length of the JSON]

The zip format has a checksum of each member.
"""

import collections
import io
import itertools
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.npyio import NpzFile

from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.runs import stores
from seq2seq_arith.trainer.runs.files import rename, whole_file

if TYPE_CHECKING:
    import keras

STATE = "state"
# The version of what a checkpoint holds, a key of its state; the first checkpoints do not say it. Those of an older
# version are read: a field of ``training.state.State`` that they lack has its default. So this number grows only when
# what is there means something else; ``unpack`` then converts older ones.
FORMAT, FORMAT_KEY = 1, "format"
# What a file may unpack to, as a multiple of its size. Weights hardly shrink (those in the package to 94%), and a file
# of zeros that shrinks a thousandfold would take all memory of everyone who lists the folder.
MAX_EXPANSION = 2
# The path of the seed that Keras gives each recurrent layer for dropout. Keras numbers it differently in each process.
SEED = re.compile(r"seed_generator(_\d+)?/")


class DamagedError(InputError):
    """A checkpoint whose content is not what was saved, and the reason."""

    def __init__(self, path: Path, reason: object) -> None:
        # A finished run trains no more, so that its best checkpoint would not come again.
        advice = "train the run again in another folder" if path.name == "best.npz" else "delete it, and train again"
        super().__init__(f"the checkpoint {stores.shown(path)} cannot be read ({reason}); {advice}")
        self.reason = reason


class NewerError(InputError):
    """A checkpoint of a newer version of this package."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"has format {version}, and this version of seq2seq_arith reads those up to {FORMAT}; install the version "
            "that wrote it"
        )


def values(variables: "Sequence[keras.Variable]") -> dict[str, np.ndarray]:
    """The values of variables, by key; raises InputError if two variables have the same key."""
    return dict(zip(keys(variables), map(np.asarray, variables), strict=True))


def save(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    state: dict[str, Any],
    *,
    keep: Path | None = None,
    compressed: bool = False,
) -> None:
    """Saves the values of variables, as ``values`` gives them, and a state that JSON can hold.

    The folder is made if need be. With ``keep``, the file that ``path`` was until now gets that name: at any moment one
    of the two is there.
    """
    with whole_file(path) as file:
        _write(file, arrays, state, compressed=compressed)
        if keep is not None and path.exists():
            rename(path, keep)


def pack(arrays: Mapping[str, np.ndarray], state: dict[str, Any]) -> bytes:
    """The content of the file that ``save`` would write."""
    file = io.BytesIO()
    _write(file, arrays, state)
    return file.getvalue()


def unpack(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What ``pack`` was given; raises NewerError, or any Exception if it is not a checkpoint."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file) as members:
        size = sum(member.file_size for member in members.infolist())  # none can unpack to more than it states
    if size > MAX_EXPANSION * len(content):
        raise ValueError(f"{len(content):,} bytes unpack to {size:,}, more than {MAX_EXPANSION} times as many")
    with NpzFile(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    state = decode(dict[str, Any], parse(arrays.pop(STATE).tobytes()), "its state")
    if (version := decode(int, state.pop(FORMAT_KEY, FORMAT), "its format")) > FORMAT:
        raise NewerError(version)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ValueError(f"{name} does not hold finite numbers")
    return arrays, state


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The variables, by key, and the state that ``save`` saved.

    Raises InputError if the checkpoint is not there, damaged, or of a newer version.
    """
    try:
        return unpack(path.read_bytes())
    except FileNotFoundError:
        # After its first epoch, a run would not write its best one again.
        is_gone = path.with_name("history.csv").exists()
        advice = "it was removed: train the run again in another folder" if is_gone else "train the run first"
        raise InputError(f"there is no checkpoint {stores.shown(path)}; {advice}") from None
    except NewerError as error:
        raise InputError(f"the checkpoint {stores.shown(path)} {error}") from None
    except Exception as error:  # zipfile, NumPy, tokenize and JSON raise many, depending on the bit that is damaged
        raise DamagedError(path, getattr(error, "strerror", None) or error) from None


def assign(variables: "Sequence[keras.Variable]", arrays: dict[str, np.ndarray], path: Path) -> None:
    """Assigns saved values to variables; raises InputError if the values are those of another model."""
    for name, variable in check(variables, arrays, path).items():
        variable.assign(arrays[name])


def check(
    variables: "Sequence[keras.Variable]", arrays: dict[str, np.ndarray], path: Path
) -> "dict[str, keras.Variable]":
    """Variables by the keys of their saved values; raises InputError if shapes or dtypes are those of another model."""
    by_name = dict(zip(keys(variables), variables, strict=True))
    expected = {name: (tuple(variable.shape), variable.dtype) for name, variable in by_name.items()}
    if expected != {name: (array.shape, _dtype(array, by_name.get(name))) for name, array in arrays.items()}:
        raise InputError(f"the checkpoint {stores.shown(path)} is that of another model; give the run's own folder")
    return by_name


def _dtype(array: np.ndarray, variable: "keras.Variable | None") -> str:
    """The dtype of a saved value; one of 16 bits, as in the kept epochs of the package, may become one of 32 bits."""
    is_rounded = array.dtype == np.float16 and variable is not None and variable.dtype == "float32"
    return "float32" if is_rounded else array.dtype.name


def keys(variables: "Sequence[keras.Variable]") -> list[str]:
    """The keys of variables: their paths, which must be the same in every process."""
    seeds = itertools.count()
    names = [f"seed_generator_{next(seeds)}" if SEED.match(variable.path) else variable.path for variable in variables]
    if repeated := [name for name, count in collections.Counter([*names, STATE]).items() if count > 1]:
        raise InputError(f"variables share the path {repeated[0]!r}; give every layer of the model a name of its own")
    return names


def _write(file: Any, arrays: Mapping[str, np.ndarray], state: dict[str, Any], *, compressed: bool = False) -> None:
    text = json.dumps({FORMAT_KEY: FORMAT, **state})
    members: dict[str, Any] = {**arrays, STATE: np.frombuffer(text.encode(), np.uint8)}
    (np.savez_compressed if compressed else np.savez)(file, **members)
