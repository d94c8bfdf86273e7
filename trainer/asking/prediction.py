"""Answers to questions as a person writes them."""

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import shortened
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.data.views import to_codes, to_strings
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import metrics, session
from seq2seq_arith.trainer.training.learner import Learner

QUESTIONS_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Question:
    """A question that has been read.

    Attributes:
      given: The question as a person wrote it.
      task: The task whose strings have room for it.
      stored: The question in the form that the datasets hold: padded, and reversed if the task's questions are.
    """

    given: str
    task: Task
    stored: str


def parse(question: str, task: Task, most_digits: int | None = None) -> Question:
    """Reads a question as a person writes it; blanks are ignored.

    A question that fits into the task's strings is stored as in training. A longer one is padded
    to its own length only, because the model reads the padding, too.

    >>> parse("12 + 345", Task("addition", digits=4)).stored
    '   543+21'

    Args:
      question: The question.
      task: The task that the model was trained on.
      most_digits: The longest operand that the model can read; None for that of the task.

    Raises:
      InputError: It is not a question of this task, or it is too long.
    """
    left, right = text.typed_operands(question, task)
    longest, most = max(len(left), len(right)), task.notation.width(most_digits or task.digits)
    if longest > most:
        raise InputError(
            f"the question {_shown(question)} has an operand of {longest:,} {task.notation.characters}, and this model "
            f"reads at most {most:,}; shorten it or train on a dataset with more --digits"
        )
    roomy = dataclasses.replace(task, digits=max(longest, task.digits))
    if not all(task.notation.allows(roomy.digits, operand) for operand in (left, right)):
        allowed = task.notation.describe(roomy.digits)
        raise InputError(f"the question {_shown(question)} has an operand that is not one of {allowed}")
    return Question(question.strip(), roomy, text.stored(roomy, left, right))


def answer(learner: Learner, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Answers stored questions.

    Returns:
      The answers, without padding, and the confidence of each, float32 [questions].
    """
    codes = to_codes(list(questions), learner.view.task.question_width)
    predictions = learner.predict(codes)
    texts = to_strings(metrics.decode(learner.view, predictions.ids))
    return [text.strip() for text in texts], predictions.confidences


def read_questions(given: Sequence[str], file: str | None) -> Iterable[str]:
    """The questions of a file, one per line, then those of the command line; ``-`` is standard input.

    Raises:
      InputError: The file cannot be read, or there is no question.
    """
    lines = _lines_of(file) if file else []
    for question in given:
        lines += _lines_of("-") if question == "-" else [question]
    if not lines:
        raise InputError("there is no question; give one, or --file F, or - for standard input")
    return lines


def print_answers(run: Run, questions: Iterable[str], as_json: bool = False) -> None:
    """Prints each question with its answer: as people write them, or as JSON with one object per line.

    Raises:
      InputError: A question is not one of the run's task, or the run has no checkpoint.
    """
    asked = [parse(question, run.task, run.most_digits) for question in questions]
    learner = functools.cache(lambda task: session.restore(run, task))
    for start in range(0, len(asked), QUESTIONS_AT_ONCE):
        for line in _lines(learner, asked[start : start + QUESTIONS_AT_ONCE], as_json):
            say(line)


def _lines(learner: Callable[[Task], Learner], asked: list[Question], as_json: bool) -> Iterator[str]:
    """The lines to print, in order; questions of one length are answered together."""
    answers: dict[int, tuple[str, float]] = {}
    for task in dict.fromkeys(question.task for question in asked):
        rows = [row for row, question in enumerate(asked) if question.task == task]
        texts, confidences = answer(learner(task), [asked[row].stored for row in rows])
        answers |= zip(rows, zip(texts, map(float, confidences), strict=True), strict=True)
    for row, question in enumerate(asked):
        answered, confidence = answers[row]
        if as_json:
            yield json.dumps({"question": question.given, "answer": answered, "confidence": confidence})
        else:
            yield f"{question.given}{question.task.notation.equals}{answered}"


def _lines_of(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"the file {file} cannot be read ({why}); give a text file, one question per line") from None
    return [line for line in text.splitlines() if line.strip()]


def _shown(question: str) -> str:
    return repr(shortened(question.strip()))
