"""Questions and answers as a person reads them, and those of every epoch: ``samples.jsonl`` in the run's folder.

It has the answers to a few fixed questions, a line per epoch, for example::

    {"epoch": 3, "samples": [{"question": "152+8", "answer": "160", "prediction": "159"}, ...]}
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings, written
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import shortened
from seq2seq_arith.trainer.runs.files import stamped, unstamped, write

if TYPE_CHECKING:
    from seq2seq_arith.trainer.data.records import Examples

HEADER = ("question", "answer", "prediction", "")


@dataclasses.dataclass(frozen=True)
class Sample:
    """A question as people write it, its right answer, and the model's answer."""

    question: str
    answer: str
    prediction: str

    @property
    def right(self) -> bool:
        return self.prediction == self.answer


@dataclasses.dataclass(frozen=True)
class EpochSamples:
    """The answers after one epoch; the questions are the same in every epoch of a run."""

    epoch: int
    samples: tuple[Sample, ...]


def make_samples(task: Task, examples: "Examples", predicted: np.ndarray) -> list[Sample]:
    """Examples and predictions, uint8 [examples, answer width], as people write them, long runs in brief."""
    columns = map(to_strings, (examples.questions, examples.answers, predicted))
    return [
        Sample(*map(shortened, (written(question, task), answer.strip(), _stripped(answer, prediction))))
        for question, answer, prediction in zip(*columns, strict=True)
    ]


def _stripped(answer: str, prediction: str) -> str:
    """A prediction without its padding, but with it where nothing else tells it from the right answer."""
    bare = prediction.strip()
    return prediction if bare == answer.strip() and prediction != answer else bare


def sample_rows(samples: Sequence[Sample]) -> list[list[str]]:
    """Rows with ``HEADER``: a question, its right answer and the prediction; the last column is ✓ or ✗."""
    return [[sample.question, sample.answer, sample.prediction, "✓" if sample.right else "✗"] for sample in samples]


def write_jsonl(path: Path, epochs: Sequence[EpochSamples]) -> None:
    """Writes the answers of all epochs; raises WriteError if the file cannot be written."""
    lines = [json.dumps(stamped(dataclasses.asdict(epoch))) + "\n" for epoch in epochs]
    write(path, "".join(lines).encode())


def read_jsonl(path: Path) -> list[EpochSamples]:
    """What ``write_jsonl`` wrote, up to the first damaged line; none if there is no such file. It is only shown."""
    return list(_whole_lines(path))


def _whole_lines(path: Path) -> Iterator[EpochSamples]:
    with contextlib.suppress(OSError, InputError):
        for line in path.read_bytes().splitlines():
            yield unstamped(line, EpochSamples)
