"""A run's folder: which files it holds, and the configuration that names what it is."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer.checkpoints import remove_partial, write_atomically
from seq2seq_arith.trainer.config import FIXED_LENGTH_MODELS, TrainConfig
from seq2seq_arith.trainer.errors import WriteError

# What may differ when a run goes on: it does not change what is learned.
NOT_COMPARED = ("replicas", "checkpoint_seconds", "directory")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run is: its folder, the data and how it trains.

    Attributes:
      folder: Where everything of it lies.
      task: The parameters of the data it is trained on.
      sha256: Of the data's metadata, which hold the checksums of all its files.
      data_dir: Where TFDS found the data.
      config: The model and its training.
    """

    folder: Path
    task: Task
    sha256: str
    data_dir: str
    config: TrainConfig

    @property
    def config_path(self) -> Path:
        return self.folder / "config.json"

    @property
    def best(self) -> Path:
        return self.folder / "best.npz"

    @property
    def last(self) -> Path:
        return self.folder / "last.npz"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    @property
    def plot(self) -> Path:
        return self.folder / "history.png"

    @property
    def most_digits(self) -> int:
        """The longest operand that the model can be asked, in digits or dashes."""
        fixed = self.config.model.name in FIXED_LENGTH_MODELS
        return self.task.digits if fixed else self.task.operation.max_digits

    def task_of_length(self, length: int) -> Task:
        """The task of this run with room for operands of this length, for the model to be asked.

        Raises:
          InputError: There are no such operands, or the model cannot read them.
        """
        if length < 1:
            raise InputError(f"length is {length}; give lengths from 1")
        task = dataclasses.replace(self.task, digits=max(length, self.task.digits))
        if task.digits > self.most_digits:
            raise InputError(
                f"length is {length}, but model {self.config.model.name!r} has weights for every place of the string "
                f"and reads operands of at most {self.task.digits}; give no longer --lengths, or a run of another model"
            )
        return task

    def to_json(self) -> dict[str, Any]:
        data = {"parameters": self.task.parameters(), "sha256": self.sha256, "directory": self.data_dir}
        return {"data": data, "train": self.config.to_json()}

    def fingerprint(self) -> int:
        """31 bits of what must be the same when a run goes on."""
        compared = json.dumps(_compared(self.to_json()))
        return int.from_bytes(hashlib.sha256(compared.encode()).digest()[:4], "big") >> 1

    def check_folder(self) -> None:
        """Whether the folder is there for this run: new or empty, or with the same configuration in it.

        Raises:
          InputError: It is not.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder} is a file; give a --run-dir that is a folder, or not there yet")
        # Looked at once: another machine may be writing the configuration, before all else.
        names = sorted(entry.name for entry in self.folder.iterdir()) if self.folder.exists() else []
        if self.config_path.name not in names:
            if others := [name for name in names if not name.startswith(".")]:
                raise InputError(f"{self.folder} is no run and has other files, {others[0]} say; give a new --run-dir")
            return
        there = open_run(self.folder)
        if there.task.config_name != self.task.config_name:
            raise InputError(
                f"{self.folder} holds a run on {there.task.config_name}, and this is {self.task.config_name}; give "
                "another --run-dir"
            )
        if there.sha256 != self.sha256:
            raise InputError(
                f"{self.folder} holds a run on other data of the same name, {there.sha256[:12]} there and "
                f"{self.sha256[:12]} here; give another --run-dir"
            )
        if differences := _differences(there.to_json(), self.to_json()):
            raise InputError(
                f"{self.folder} holds a run with other settings ({'; '.join(differences)}); "
                "give another --run-dir, or the same settings to go on with it"
            )

    def claim(self, writes: bool = True) -> None:
        """Takes the folder for this run: writes the configuration, or finds the same one there.

        Args:
          writes: Whether this process is the one that writes.

        Raises:
          InputError: The folder is not there for this run, or cannot be written.
        """
        self.check_folder()
        if not writes:
            return
        remove_partial(self.folder)
        if self.config_path.exists():
            return
        try:
            write_atomically(self.config_path, (json.dumps(self.to_json(), indent=2) + "\n").encode())
        except WriteError as error:
            raise InputError(str(error)) from None


def open_run(folder: str | Path) -> Run:
    """The run whose folder this is.

    Raises:
      InputError: It is none.
    """
    path = Path(folder) / "config.json"
    try:
        values = json.loads(path.read_text())
        data = values["data"]
        task = Task.from_parameters(data["parameters"])
        return Run(Path(folder), task, data["sha256"], data["directory"], TrainConfig.from_json(values["train"]))
    except OSError:
        raise InputError(
            f"{folder} is no run: it has no config.json; give the --run-dir of arith-model train"
        ) from None
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not the configuration of a run; give the folder of one") from None


def local_folder(folder: str) -> Path:
    """A folder to write into.

    Raises:
      InputError: Its name is empty, or it is in an object store, where files cannot be replaced as a run does it.
    """
    if not folder:
        raise InputError("the folder has an empty name; give a folder, or . for this one")
    if "://" in folder:
        raise InputError(
            f"{folder} is on no disk of this machine; give a folder, such as one that the store is mounted on"
        )
    return Path(folder)


def absolute(place: str) -> str:
    """A directory's absolute path; a URL as it is."""
    return place if "://" in place else str(Path(place).absolute())


def _differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    old, new = _compared(there), _compared(here)
    return [
        f"{key} is {old.get(key)} there and {new.get(key)} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _compared(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sorted(_flat(values)) if key.rpartition(".")[2] not in NOT_COMPARED}


def _flat(values: dict[str, Any], prefix: str = ""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
