"""Answers to questions as a person writes them."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import metrics, report, session
from seq2seq_arith.trainer.codec import to_codes, to_strings
from seq2seq_arith.trainer.inputs import Examples, encode
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.runs import Run

OPERAND = {"decimal": ("[0-9]+", "digits"), "dashes": ("-+", "dashes")}
EXAMPLE = {"decimal": ("12", "7"), "dashes": ("---", "--")}
QUESTIONS_AT_ONCE = 4096


def stored(question: str, task: Task) -> str:
    """A question as a person writes it, in the form the datasets hold: padded, and reversed where the task is.

    Raises:
      InputError: It is no question of this task, or too long for it.
    """
    operation = task.operation
    operand, unit = OPERAND[operation.notation]
    text = re.sub(r"\s", "", question)
    foreign = sorted(set(text) - set(task.alphabet))
    shown = repr(report.shortened(question.strip()))
    example = operation.symbol.join(EXAMPLE[operation.notation])
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
    longest = max(map(len, match.groups()))
    if longest > task.digits:
        raise InputError(
            f"the question {shown} has an operand of {longest:,} {unit}, and this model reads at most "
            f"{task.digits:,}; shorten it or train on a dataset with more --digits"
        )
    padded = text.ljust(task.question_width)
    return padded[::-1] if task.reverse else padded


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
    lines: list[str] = []
    try:
        for name in [file] if file else []:
            text = sys.stdin.read() if name == "-" else Path(name).read_text()
            lines += [line for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file {file} cannot be read ({error}); give a text file, a question a line") from None
    for question in given:
        lines += read_questions([], "-") if question == "-" else [question]
    if not lines:
        raise InputError("there is no question; give one, or --file F, or - for standard input")
    return lines


def run(run: Run, questions: Iterable[str], as_json: bool = False) -> None:
    """Prints each question with its answer, as a person writes them or as JSON, an object a line.

    Raises:
      InputError: A question is none of the run's task, or the run has no checkpoint.
    """
    given = [question.strip() for question in questions]
    rows = [stored(question, run.task) for question in given]
    for line in _lines(run, given, rows, as_json):
        report.say(line)


def _lines(run: Run, given: list[str], rows: list[str], as_json: bool) -> Iterator[str]:
    learner = session.restore(run)
    for start in range(0, len(rows), QUESTIONS_AT_ONCE):
        part = slice(start, start + QUESTIONS_AT_ONCE)
        for question, text, confidence in zip(given[part], *answer(learner, rows[part]), strict=True):
            if as_json:
                yield json.dumps({"question": question, "answer": text, "confidence": float(confidence)})
            elif run.task.operation.notation == "decimal":
                yield f"{question} = {text}"
            else:
                yield f"{question}{text}"
