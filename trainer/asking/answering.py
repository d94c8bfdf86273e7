"""Questions to a model, its answers, and its mistakes."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import written
from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.base.tables import abridged
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_strings
from seq2seq_arith.trainer.training import metrics
from seq2seq_arith.trainer.training.learner import Learner


@dataclasses.dataclass(frozen=True)
class Result:
    """The answers to a set of examples.

    Attributes:
      examples: The set.
      score: Its score.
      exact: bool [examples], whether each answer is right as a whole.
      predicted: The answers, uint8 [examples, answer width].
    """

    examples: Examples
    score: metrics.Score
    exact: np.ndarray
    predicted: np.ndarray


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A question as people write it, its right answer, and the model's wrong one."""

    question: str
    answer: str
    prediction: str

    def sentence(self, task: Task) -> str:
        """The mistake in words; long numbers are abridged.

        >>> Mistake("85380-85380", "0", "00").sentence(Task("subtraction"))
        '85380-85380 = 0, the model said 00'
        """
        question, answer, prediction = map(abridged, (self.question, self.answer, self.prediction))
        return f"{question}{task.notation.equals}{answer}, the model said {prediction or 'nothing'}"


def ask(learner: Learner, examples: Examples, report_progress: ReportProgress = no_progress) -> Result:
    """Asks a model a set of examples."""
    score, predicted = metrics.evaluate(learner, examples, report_progress)
    return Result(examples, score, metrics.exact_matches(predicted, examples.answers), predicted)


def mistakes(task: Task, result: Result, rows: Iterable[int]) -> list[Mistake]:
    """The mistakes in these rows of a result."""
    chosen = np.fromiter(rows, np.int64)
    columns = (result.examples.questions[chosen], result.examples.answers[chosen], result.predicted[chosen])
    return [
        Mistake(written(question, task), answer.strip(), prediction.strip())
        for question, answer, prediction in zip(*map(to_strings, columns), strict=True)
    ]
