"""Questions and answers as a person reads them."""

import numpy as np

from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.arithmetic.text import written
from seq2seq_arith.base.tables import shortened, table
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_strings

HEADER = ("question", "answer", "prediction", "")


def sample_table(task: Task, examples: Examples, predicted: np.ndarray) -> str:
    """A table of questions, right answers and predictions, as ``sample_rows`` has them."""
    return table(HEADER, sample_rows(task, examples, predicted))


def sample_rows(task: Task, examples: Examples, predicted: np.ndarray) -> list[list[str]]:
    """Rows of a question, its right answer and the prediction, long runs in brief; the last column is ✓ or ✗.

    Args:
      task: The task of the examples.
      examples: The questions and the right answers.
      predicted: The predictions, uint8 [examples, answer width].
    """
    rows = []
    columns = map(to_strings, (examples.questions, examples.answers, predicted))
    for question, answer, prediction in zip(*columns, strict=True):
        texts = (written(question, task), answer.strip(), prediction.strip())
        rows.append([*map(shortened, texts), "✓" if answer == prediction else "✗"])
    return rows
