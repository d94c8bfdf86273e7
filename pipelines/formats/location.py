"""The location of a dataset: its directory or prefix, and how to find it from an argument of a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import METADATA, NAME
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath

DATASET = f"DATA_DIR/{NAME}/CONFIG/{VERSION}"


@overload
def dataset_path(data_dir: Path, task: Task) -> Path: ...
@overload
def dataset_path(data_dir: ObjectPath, task: Task) -> ObjectPath: ...
def dataset_path(data_dir: AnyPath, task: Task) -> AnyPath:
    """The directory, or the prefix, of a task's dataset: DATA_DIR/seq2seq_arith/CONFIG/1.0.0."""
    return data_dir / NAME / task.config_name / VERSION


def existing_configs(datasets: Path) -> list[str]:
    """The names of the datasets in DATA_DIR/seq2seq_arith, in order: those folders that have a ``metadata.json``."""
    return sorted(file.parents[1].name for file in datasets.glob(f"[a-z]*/{VERSION}/{METADATA}"))


def find_dataset(location: str, flags: Sequence[str] = (), otherwise: str = "") -> AnyPath:
    """The dataset of a location: its own directory or prefix, that of its config, or the only one in a data directory.

    InputError if there is none, or several; ``otherwise`` names the alternatives, for the message.
    """
    path = paths.parse_place(location, flags)
    try:
        for candidate in (path, path / VERSION):
            if (candidate / METADATA).is_file():
                return candidate
        folders = (path, path / NAME) if isinstance(path, Path) else ()
        datasets = [above / config / VERSION for above in folders for config in existing_configs(above)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(datasets) == 1:
        return datasets[0]
    problem = f"has several datasets; give one of {', '.join(map(str, datasets))}"
    raise InputError(f"{location} {problem if datasets else f'is not a dataset; give {DATASET}'}{otherwise}")
