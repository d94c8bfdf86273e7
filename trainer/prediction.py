"""Answers to questions as a person writes them."""

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import metrics, report, session
from seq2seq_arith.trainer.codec import to_codes, to_strings
from seq2seq_arith.trainer.inputs import Examples, encode
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.runs import Run

OPERAND = {"decimal": ("[0-9]+", "digits"), "dashes": ("-+", "dashes")}
LEADING_ZERO = re.compile("0[0-9]")
QUESTIONS_AT_ONCE = 4096


def stored(question: str, task: Task) -> str:
    """A question as a person writes it, in the form the datasets hold: padded, and reversed where the task is.

    Raises:
      InputError: It is no question of this task, or too long for it.
    """
    left, right = operands(question, task)
    longest = max(len(left), len(right))
    if longest > task.digits:
        unit = OPERAND[task.operation.notation][1]
        raise InputError(
            f"the question {_shown(question)} has an operand of {longest:,} {unit}, and this model reads at "
            f"most {task.digits:,}; shorten it or train on a dataset with more --digits"
        )
    padded = f"{left}{task.operation.symbol}{right}".ljust(task.question_width)
    return padded[::-1] if task.reverse else padded


def operands(question: str, task: Task) -> tuple[str, str]:
    """The operands of a question as a person writes it.

    Raises:
      InputError: It is no question of this task.
    """
    operation = task.operation
    operand, _ = OPERAND[operation.notation]
    text = re.sub(r"\s", "", question)
    foreign = sorted(set(text) - set(task.alphabet))
    shown = _shown(question)
    example = report.example(task)
    if foreign:
        raise InputError(
            f"the question {shown} holds {foreign[0]!r}, which is not in the alphabet {task.alphabet!r} of "
            f"{task.name}; write it like {example}"
        )
    match = re.fullmatch(f"({operand}){re.escape(operation.symbol)}({operand})", text)
    if not match:
        raise InputError(
            f"the question {shown} is not one of {task.name}; write two operands with {operation.symbol!r} "
            f"between them, like {example}"
        )
    if any(map(LEADING_ZERO.match, match.groups())):
        raise InputError(f"the question {shown} has an operand with a zero in front; leave it out, as the datasets do")
    return match[1], match[2]


def answer(learner: Learner, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The answers to stored questions, without padding, and the confidence of each."""
    task = learner.view.task
    blank = to_codes([""] * len(questions), task.answer_width)
    examples = Examples(to_codes(list(questions), task.question_width), blank)
    answers = learner.answer(encode(learner.view, examples))
    texts = to_strings(metrics.decode(learner.view, answers.ids))
    return [text.strip() for text in texts], answers.confidences


def read_questions(given: Sequence[str], file: str | None) -> Iterable[str]:
    """The questions of the command line, then those of a file, a line each; ``-`` is standard input.

    Raises:
      InputError: The file cannot be read, or there is no question.
    """
    lines = _lines_of(file) if file else []
    for question in given:
        lines += _lines_of("-") if question == "-" else [question]
    if not lines:
        raise InputError("there is no question; give one, or --file F, or - for standard input")
    return lines


def run(run: Run, questions: Iterable[str], as_json: bool = False) -> None:
    """Prints each question with its answer, as a person writes them or as JSON, an object a line.

    Raises:
      InputError: A question is none of the run's task, or the run has no checkpoint.
    """
    given = [question.strip() for question in questions]
    lengths = [max(map(len, operands(question, run.task))) for question in given]
    # What fits is read as in training. Longer questions get the room that they need and no more: blanks count as well.
    rooms = [min(max(length, run.task.digits), run.most_digits) for length in lengths]
    tasks = [dataclasses.replace(run.task, digits=digits) for digits in rooms]
    asked = [(question, task, stored(question, task)) for question, task in zip(given, tasks, strict=True)]
    learner = functools.cache(lambda task: session.restore(run, task))
    for start in range(0, len(asked), QUESTIONS_AT_ONCE):
        for line in _lines(learner, asked[start : start + QUESTIONS_AT_ONCE], as_json):
            report.say(line)


def _lines(learner: Callable[[Task], Learner], asked: list[tuple[str, Task, str]], as_json: bool) -> Iterator[str]:
    answers: dict[int, tuple[str, float]] = {}
    for task in dict.fromkeys(task for _, task, _ in asked):
        rows = [row for row, (_, of, _) in enumerate(asked) if of == task]
        texts, confidences = answer(learner(task), [asked[row][2] for row in rows])
        answers |= zip(rows, zip(texts, map(float, confidences), strict=True), strict=True)
    for row, (question, task, _) in enumerate(asked):
        text, confidence = answers[row]
        if as_json:
            yield json.dumps({"question": question, "answer": text, "confidence": confidence})
        elif task.operation.notation == "decimal":
            yield f"{question} = {text}"
        else:
            yield f"{question}{text}"


def _lines_of(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file {file} cannot be read ({error}); give a text file, a question a line") from None
    return [line for line in text.splitlines() if line.strip()]


def _shown(question: str) -> str:
    return repr(report.shortened(question.strip()))
