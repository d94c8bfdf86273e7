"""Questions and answers as a person reads them."""

from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import written
from seq2seq_arith.base.tables import shortened, table
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_strings
from seq2seq_arith.trainer.runs.samples import Sample

HEADER = ("question", "answer", "prediction", "")


def make_samples(task: Task, examples: Examples, predicted: np.ndarray) -> list[Sample]:
    """Questions, right answers and predictions as people write them, long runs in brief.

    Args:
      task: The task of the examples.
      examples: The questions and the right answers.
      predicted: The predictions, uint8 [examples, answer width].
    """
    columns = map(to_strings, (examples.questions, examples.answers, predicted))
    return [
        Sample(*map(shortened, (written(question, task), answer.strip(), _stripped(answer, prediction))))
        for question, answer, prediction in zip(*columns, strict=True)
    ]


def _stripped(answer: str, prediction: str) -> str:
    """A prediction without its padding, but with it where nothing else tells it from the right answer."""
    bare = prediction.strip()
    return prediction if bare == answer.strip() and prediction != answer else bare


def sample_table(found: Sequence[Sample]) -> str:
    """A table of samples, as ``sample_rows`` has them."""
    return table(HEADER, sample_rows(found))


def sample_rows(found: Sequence[Sample]) -> list[list[str]]:
    """Rows of a question, its right answer and the prediction; the last column is ✓ or ✗."""
    return [[each.question, each.answer, each.prediction, "✓" if each.right else "✗"] for each in found]
