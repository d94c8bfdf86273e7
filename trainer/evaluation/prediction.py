"""Answers to questions as people write them."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import Question, to_codes, to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.answers import lines_of, name_of
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.answerers import Answerer
from seq2seq_arith.trainer.training.opened import OpenRun

QUESTIONS_AT_ONCE = 4096


class Answer(NamedTuple):
    """A model's answer to a question."""

    question: Question
    prediction: str
    confidence: float  # the product of the probabilities of its characters


def answer(answerer: Answerer, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The answers to stored questions, without padding, and the confidence of each, float32 [questions]."""
    answers, confidences = answerer.predict(to_codes(list(questions), answerer.task.question_width))
    return [text.strip() for text in to_strings(answers)], confidences


def read_questions(arguments: Sequence[str], file: str | None) -> list[tuple[str, str]]:
    """The questions of a file, one per line, then those of the command line, each with its file and line, if any.

    ``-`` is standard input. Raises InputError if the file cannot be read, or there is no question.
    """
    lines = _lines_of(file) if file else []
    for question in arguments:
        lines += _lines_of("-") if question == "-" else [(question, "")]
    if not lines:
        raise InputError("there is no question; give one, or --file F, or - for standard input")
    return lines


def answers_to(
    run: OpenRun, questions: Sequence[tuple[str, str]], skip: bool = False
) -> Iterator[tuple[str, Answer | str]]:
    """The answer of a run to each question, in order; the questions are those of ``read_questions``.

    With ``skip``, a string that is not a question of the run's task gets the error message instead of an answer.
    Without ``skip``, or if no string is a question of the task, the function raises InputError.
    """
    parsed = [(typed, _parsed(typed, source, run.run)) for typed, source in questions]
    valid = [result for _, result in parsed if isinstance(result, Question)]
    errors = [result for _, result in parsed if isinstance(result, str)]
    if errors and not (skip and valid):
        others = f"; --skip leaves out all {len(errors):,} such questions" if valid and len(errors) > 1 else ""
        raise InputError(errors[0] + others)
    answered = answers(run.answerer, valid)
    return ((typed, result if isinstance(result, str) else next(answered)) for typed, result in parsed)


def _parsed(typed: str, source: str, run: Run) -> Question | str:
    """A question of a run's task; or the error message, after its file and line, if it is not one."""
    try:
        return run.parse(typed)
    except InputError as error:
        return f"{source}: {error}" if source else str(error)


def answers(answerer: Callable[[Task], Answerer], questions: Sequence[Question]) -> Iterator[Answer]:
    """The answer to each question, in order, computed for ``QUESTIONS_AT_ONCE`` questions at a time.

    ``answerer`` returns the model for the strings of a task. Building one for another length takes longer than many
    answers, so all questions of a task are answered before those of the next one, and each model is built once.
    """
    rows_of: dict[Task, list[int]] = {}
    for row, question in enumerate(questions):
        rows_of.setdefault(question.task, []).append(row)
    computed: dict[int, Answer] = {}
    following = 0  # the row of the answer that is returned next
    for task, rows in rows_of.items():
        model = answerer(task)
        for start in range(0, len(rows), QUESTIONS_AT_ONCE):
            part = rows[start : start + QUESTIONS_AT_ONCE]
            texts, confidences = answer(model, [questions[row].stored for row in part])
            for row, text, confidence in zip(part, texts, confidences.tolist(), strict=True):
                computed[row] = Answer(questions[row], text, confidence)
            while following in computed:
                yield computed.pop(following)
                following += 1


def _lines_of(file: str) -> list[tuple[str, str]]:
    return [(line, f"{name_of(file)}, line {number}") for number, line in enumerate(lines_of(file), 1) if line.strip()]
