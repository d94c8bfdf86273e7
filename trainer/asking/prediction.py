"""Answers to questions as a person writes them."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import Question, parse, to_codes, to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.pipelines.answers import lines_of, name_of
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

QUESTIONS_AT_ONCE = 4096


def answer(learner: Learner, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The answers to stored questions, without padding, and the confidence of each, float32 [questions]."""
    answers, confidences = learner.predict(to_codes(list(questions), learner.view.task.question_width))
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


def print_answers(
    run: OpenRun, questions: Sequence[tuple[str, str]], as_json: bool = False, skip: bool = False
) -> None:
    """Prints each question with its answer: as people write them, or as JSON with one object per line.

    The questions have their places. With ``skip``, one that is not of the run's task is left out with a sentence on
    standard error, or has its ``error`` in JSON.
    """
    parsed = [(question, _parsed(question, place, run.run)) for question, place in questions]
    asked = [found for _, found in parsed if isinstance(found, Question)]
    refused = [found for _, found in parsed if isinstance(found, str)]
    if refused and not (skip and asked):
        others = f"; --skip leaves out all {len(refused):,} such questions" if asked and len(refused) > 1 else ""
        raise InputError(refused[0] + others)
    answered = answers(run.learner, asked)
    for typed, found in parsed:
        if isinstance(found, Question):
            _, text, confidence = next(answered)
            line = f"{found.given}{found.task.notation.equals}{text}"
            told = {"question": found.given, "prediction": text, "confidence": confidence}
            say(json.dumps(told) if as_json else line)
        elif as_json:
            say(json.dumps({"question": typed, "error": found}))
        else:
            print(printable(f"left out: {found}"), file=sys.stderr)


def _parsed(question: str, place: str, run: Run) -> Question | str:
    """A question of a run's task, or a sentence that says why it is none."""
    try:
        return parse(question, run.task, run.max_size)
    except InputError as error:
        return f"{place}: {error}" if place else str(error)


def answers(learner: Callable[[Task], Learner], asked: Sequence[Question]) -> Iterator[tuple[Question, str, float]]:
    """Each question with its answer and the confidence, in order, some thousand questions at a time.

    ``learner`` gives the model that answers the strings of a task; questions of one task are answered together.
    """
    for start in range(0, len(asked), QUESTIONS_AT_ONCE):
        part = asked[start : start + QUESTIONS_AT_ONCE]
        found: dict[int, tuple[str, float]] = {}
        for task in dict.fromkeys(question.task for question in part):
            rows = [row for row, question in enumerate(part) if question.task == task]
            texts, confidences = answer(learner(task), [part[row].stored for row in rows])
            found |= zip(rows, zip(texts, map(float, confidences), strict=True), strict=True)
        yield from ((question, *found[row]) for row, question in enumerate(part))


def _lines_of(file: str) -> list[tuple[str, str]]:
    return [(line, f"{name_of(file)}, line {number}") for number, line in enumerate(lines_of(file), 1) if line.strip()]
