"""What a training took and what it reached, beside each other: ``summary.json`` in the run's folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.stores import shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a training took and what it reached.

    Attributes:
      dataset: The config's name of the dataset.
      model, view, given: As in the configuration.
      weights: Trainable parameters.
      examples: Examples seen, each as often as it was seen.
      operations: Floating-point operations of the training steps, as ``costs.operations`` estimates them.
      seconds: From the first step to the last, compiling and evaluations included.
      character_accuracy, exact_match: On the validation set, in the best epoch.
      best_epoch: That epoch, counted from 1.
      worst_slice: The worst slice of the task's suite: its ``name``, ``questions``, ``exact_match`` and ``digits``;
        None if the suite was not asked at the end of the training, or the task has none.
    """

    dataset: str
    model: str
    view: str
    given: str
    weights: int
    examples: int
    operations: int
    seconds: float
    character_accuracy: float
    exact_match: float
    best_epoch: int
    worst_slice: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON holds them; what is not known is left out."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    def write(self, path: Path) -> None:
        """Writes it as JSON; raises WriteError if the file cannot be written."""
        files.write(path, (json.dumps(self.to_json(), indent=2) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Summary | None":
        """What ``write`` wrote; None if the training has not ended.

        Raises InputError if the file is damaged, or cannot be read.
        """
        if not path.exists():
            return None
        try:
            return cls(**json.loads(files.read(path)))
        except OSError as error:
            raise files.unreadable(path, error) from None
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"{shown(path)} is damaged; train the run again in another folder") from None
