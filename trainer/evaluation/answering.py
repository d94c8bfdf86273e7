"""A model's answers to a set of examples, its mistakes, and tables of exact match by properties of questions."""

import dataclasses
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.breakdowns import ranges
from seq2seq_arith.arithmetic.scoring import Mistake
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings, written
from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.data.question_sets import Operands
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.training.answerers import Answerer


@dataclasses.dataclass(frozen=True)
class Result:
    """A model's answers to a set of examples, and their scores."""

    examples: Examples
    predicted: np.ndarray  # uint8 [examples, answer width]
    exact: np.ndarray  # whether each answer matches exactly, bool [examples]
    loss: float  # the mean cross-entropy per character, in nats
    # The share of characters of the decoded answers that are right, padding included, as in the notebook that the
    # project started from. That of ``Learner.score`` is under teacher forcing: the two differ only where an
    # autoregressive model errs.
    character_accuracy: float

    @property
    def wrong(self) -> np.ndarray:
        """The rows with a wrong answer, int64 [mistakes]."""
        return np.flatnonzero(~self.exact)

    @property
    def exact_match(self) -> float:
        """The share of answers that match exactly."""
        return float(self.exact.mean())


def evaluate(answerer: Answerer, examples: Examples, report_progress: ReportProgress = no_progress) -> Result:
    """Evaluates a model on a set of examples."""
    predicted, losses = answerer.answer(examples, report_progress)
    right = predicted == examples.answers
    return Result(examples, predicted, right.all(axis=1), float(np.mean(losses, dtype=np.float64)), float(right.mean()))


def mistakes(task: Task, result: Result, rows: np.ndarray) -> list[Mistake]:
    """The mistakes in some rows of a result, int64 [mistakes]."""
    columns = (result.examples.questions[rows], result.examples.answers[rows], result.predicted[rows])
    return [
        Mistake(written(question, task), answer.strip(), prediction.strip())
        for question, answer, prediction in zip(*map(to_strings, columns), strict=True)
    ]


def by_lengths(task: Task, operands: Operands, exact: np.ndarray) -> list[dict[str, Any]]:
    """Exact match by the lengths of all operands; by ranges of lengths if they are many."""
    ranges_of_sides = [ranges(task.operand_width, task.notation.measure(side)) for side in operands]
    names, index = ranges_of_sides[0][0], np.stack([index for _, index in ranges_of_sides])
    return [
        {side: names[i] for side, i in zip(task.operation.sides, group.tolist(), strict=True)}
        | _result(exact[(group == index.T).all(axis=1)])
        for group in np.unique(index, axis=1).T
    ]


def by(values: np.ndarray, exact: np.ndarray, name: str) -> list[dict[str, Any]]:
    """Exact match by the distinct values of an array [examples]."""
    return [{name: value.item()} | _result(exact[values == value]) for value in np.unique(values)]


def breakdown(task: Task, operands: Operands, answers: np.ndarray, exact: np.ndarray) -> dict[str, list[dict]]:
    """The rows of all tables of a set: by the operands' lengths, the task's breakdowns, and the answer's length.

    The operands are uint64 [words, examples] each, the right answers uint8 [examples, answer width], and ``exact`` is
    bool [examples]. Each row has the group, ``examples`` and ``exact_match``.
    """
    tables = {"operand lengths": by_lengths(task, operands, exact)}
    for name, group in task.operation.breakdowns.items():
        tables[name] = by(group(*operands), exact, name)
    lengths = np.sum(answers != ord(" "), axis=1)
    if not task.notation.has_digits:
        names, index = ranges(task.answer_width, lengths)
        lengths = np.array(names)[index]
    tables["answer length"] = by(lengths, exact, "characters")
    return tables


def _result(exact: np.ndarray) -> dict[str, Any]:
    return {"examples": len(exact), "exact_match": float(np.mean(exact))}
