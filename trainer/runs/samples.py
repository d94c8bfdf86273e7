"""The answers to a few fixed questions after every epoch: ``samples.jsonl`` in the run's folder, a line per epoch.

A line is for example::

    {"epoch": 3, "samples": [{"question": "152+8", "answer": "160", "prediction": "159"}, ...]}

A module of its own, because a training writes it and a report reads it, each without the other.
"""

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from seq2seq_arith.trainer.runs.files import read, write


@dataclasses.dataclass(frozen=True)
class Sample:
    """A question as people write it, its right answer, and the model's answer; long runs are in brief."""

    question: str
    answer: str
    prediction: str

    @property
    def right(self) -> bool:
        """Whether the prediction is the right answer."""
        return self.prediction == self.answer


@dataclasses.dataclass(frozen=True)
class EpochSamples:
    """The answers after one epoch; the questions are the same in every epoch of a run."""

    epoch: int
    samples: tuple[Sample, ...]


def write_jsonl(path: Path, epochs: Sequence[EpochSamples]) -> None:
    """Writes the answers of all epochs; raises WriteError if the file cannot be written."""
    lines = [json.dumps(dataclasses.asdict(each)) + "\n" for each in epochs]
    write(path, "".join(lines).encode())


def read_jsonl(path: Path) -> list[EpochSamples]:
    """What ``write_jsonl`` wrote, up to the first line that is damaged; none if there is no such file.

    Nothing depends on these answers but what is shown, so a damaged file is no reason to refuse a run.
    """
    found: list[EpochSamples] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        for line in read(path).splitlines():
            values = json.loads(line)
            found.append(EpochSamples(int(values["epoch"]), tuple(Sample(**each) for each in values["samples"])))
    return found
