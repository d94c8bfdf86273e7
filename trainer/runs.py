"""A run's folder: which files it holds, and the configuration that names what it is."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer.checkpoints import write_atomically
from seq2seq_arith.trainer.config import FIXED_LENGTH_MODELS, TrainConfig

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

    def task_of_length(self, length: int) -> Task:
        """The task of this run with room for operands of this length, for the model to be asked.

        Raises:
          InputError: There are no such operands, or the model cannot read them.
        """
        if length < 1:
            raise InputError(f"length is {length}; give lengths from 1")
        task = dataclasses.replace(self.task, digits=max(length, self.task.digits))
        name = self.config.model.name
        if task != self.task and name in FIXED_LENGTH_MODELS:
            raise InputError(
                f"length is {length}, but model {name!r} has weights for every place of the string and reads operands "
                f"of at most {self.task.digits}; give no longer --lengths, or a run of another model"
            )
        return task

    def to_json(self) -> dict[str, Any]:
        data = {"parameters": self.task.parameters(), "sha256": self.sha256, "directory": self.data_dir}
        return {"data": data, "train": self.config.to_json()}

    def claim(self, writes: bool = True) -> None:
        """Takes the folder for this run: writes the configuration, or finds the same one there.

        Args:
          writes: Whether this process is the one that writes.

        Raises:
          InputError: The folder holds another run.
        """
        if self.config_path.exists():
            there = open_run(self.folder)
            differences = _differences(there.to_json(), self.to_json())
            if differences:
                raise InputError(
                    f"{self.folder} holds a run with other settings ({'; '.join(differences)}); "
                    "give another --run-dir, or the same settings to go on with it"
                )
        if self.config_path.exists() or not writes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.config_path, (json.dumps(self.to_json(), indent=2) + "\n").encode())
        except OSError as error:
            raise InputError(f"the folder {self.folder} cannot be written ({error.strerror}); give another") from None


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
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the configuration of a run ({error}); train it anew") from None


def _differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    old, new = dict(_flat(there)), dict(_flat(here))
    return [
        f"{key} is {old.get(key)} there and {new.get(key)} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key.rpartition(".")[2] not in NOT_COMPARED
    ]


def _flat(values: dict[str, Any], prefix: str = ""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
