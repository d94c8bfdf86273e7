"""Answers to questions as a person writes them."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import Question, to_codes, to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.answers import lines_of, name_of
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

QUESTIONS_AT_ONCE = 4096


class Answer(NamedTuple):
    """What a model answers to a question."""

    question: Question
    prediction: str
    confidence: float  # the product of the probabilities of its characters


def answer(learner: Learner, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The answers to stored questions, without padding, and the confidence of each, float32 [questions]."""
    answers, confidences = learner.predict(to_codes(list(questions), learner.input_format.task.question_width))
    return [text.strip() for text in to_strings(answers)], confidences


def read_questions(given: Sequence[str], file: str | None) -> list[tuple[str, str]]:
    """The questions of a file, one per line, then those of the command line, each with its place, if in a file.

    ``-`` is standard input. Raises InputError if the file cannot be read, or there is no question.
    """
    lines = _lines_of(file) if file else []
    for question in given:
        lines += _lines_of("-") if question == "-" else [(question, "")]
    if not lines:
        raise InputError("there is no question; give one, or --file F, or - for standard input")
    return lines


def answers_to(
    run: OpenRun, questions: Sequence[tuple[str, str]], skip: bool = False
) -> Iterator[tuple[str, Answer | str]]:
    """Questions as people write them, which have their places, each with the answer of a run, in order.

    With ``skip``, one that is not of the run's task has a sentence that says why in the place of its answer. Without,
    or if none is of the task, it raises InputError.
    """
    parsed = [(question, _parsed(question, place, run.run)) for question, place in questions]
    asked = [found for _, found in parsed if isinstance(found, Question)]
    refused = [found for _, found in parsed if isinstance(found, str)]
    if refused and not (skip and asked):
        others = f"; --skip leaves out all {len(refused):,} such questions" if asked and len(refused) > 1 else ""
        raise InputError(refused[0] + others)
    answered = answers(run.learner, asked)
    return ((typed, found if isinstance(found, str) else next(answered)) for typed, found in parsed)


def _parsed(question: str, place: str, run: Run) -> Question | str:
    """A question of a run's task, or a sentence that says why it is none."""
    try:
        return run.parse(question)
    except InputError as error:
        return f"{place}: {error}" if place else str(error)


def answers(learner: Callable[[Task], Learner], asked: Sequence[Question]) -> Iterator[Answer]:
    """The answer to each question, in order, some thousand questions at a time.

    ``learner`` gives the model that answers the strings of a task; questions of one task are answered together.
    """
    for start in range(0, len(asked), QUESTIONS_AT_ONCE):
        part = asked[start : start + QUESTIONS_AT_ONCE]
        found: dict[int, tuple[str, float]] = {}
        for task in dict.fromkeys(question.task for question in part):
            rows = [row for row, question in enumerate(part) if question.task == task]
            texts, confidences = answer(learner(task), [part[row].stored for row in rows])
            found |= zip(rows, zip(texts, map(float, confidences), strict=True), strict=True)
        yield from (Answer(question, *found[row]) for row, question in enumerate(part))


def _lines_of(file: str) -> list[tuple[str, str]]:
    return [(line, f"{name_of(file)}, line {number}") for number, line in enumerate(lines_of(file), 1) if line.strip()]
