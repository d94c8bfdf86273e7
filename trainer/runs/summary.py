"""The costs and the results of a training: ``summary.json`` in the run's folder."""

import dataclasses
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.stores import shown

MAX_FIGURE = 1e40  # no figure is larger


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """The costs of a training, and its scores on the validation set in its best epoch."""

    dataset: str  #: its config's name
    model: str
    input_format: str
    hints: str
    weights: int  #: trainable parameters
    examples: int  #: each as often as it was seen
    flops: int  #: of the training steps, in floating point, as ``costs.flops`` estimates them
    seconds: float  #: from the first step to the last, compiling and evaluations included
    cpu_seconds: float  #: as ``seconds``, of all threads of the process
    character_accuracy: float
    exact_match: float
    best_epoch: int  #: counted from 1
    #: Maximum size of the operands of all training questions, also of those of rounds of counterexample-guided
    #: training; None in the results of earlier versions.
    trained_digits: int | None = None
    scores: Scores | None = None  #: of the best model, on its task's suite; None if that was not asked

    def __post_init__(self) -> None:
        """Raises InputError for a figure that is none, as in a damaged file."""
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not 0 <= value < MAX_FIGURE:
                raise InputError(f"{name} is {value}; give a number from 0 to {MAX_FIGURE:g}")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON holds them; what is not known is left out."""
        scores = {"scores": self.scores.to_json()} if self.scores else {}
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "scores"
        } | scores

    def write(self, path: Path) -> None:
        """Writes it as JSON; raises WriteError if the file cannot be written."""
        files.write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> "Summary | None":
        """What ``write`` wrote, None if the training has not ended; raises InputError if the file is damaged."""
        if not path.exists():
            return None
        try:
            return files.read_json(path, cls, further=True)  # also one of an earlier version
        except OSError as error:
            raise InputError(f"{shown(path)} cannot be read: {error.strerror}; give yourself access to it") from None
        except InputError:
            raise InputError(f"{shown(path)} is damaged; the same train command writes it again") from None
