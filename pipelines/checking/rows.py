"""Checks the questions and answers of one file against operands that were drawn again.

This module is a witness: it writes, parses and solves questions in its own way, with PyArrow and Python's integers. It
must not use the writer's text or ``Notation``: a mistake there would otherwise repeat here and stay unseen.

The usual case is fast: all strings of a block are written again and compared at once. Where they differ, the rows are
taken one by one, and the first that is wrong is named.
"""

import re
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seq2seq_arith.arithmetic import numbers
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.checking.redraw import DASHES, WORD, Operands, notation

# From D and the operands to the answers. A task that is not listed here is solved by its own operation, and then the
# answers are not checked independently.
SOLVE: dict[str, Callable] = {
    "addition": lambda digits, left, right: left + right,
    "subtraction": lambda digits, left, right: left - right,
    "multiplication": lambda digits, left, right: left * right,
    "pq": lambda digits, left, right: left + right,
    "modular_addition": lambda modulus, left, right: (left + right) % modulus,
}
PAD = " "
NUMBER = "(?:0|[1-9][0-9]*)"


def written(task: Task, operands: Operands) -> tuple[pa.Array, pa.Array]:
    """The stored questions and answers, as string arrays."""
    left, right = operands
    # A sum of numbers of 18 digits fits into int64.
    if task.name not in SOLVE or (notation(task) != DASHES and task.answer_width > WORD + 1):
        rows = [write(task, *pair) for pair in zip(left.tolist(), right.tolist(), strict=True)]
        questions, answers = (pa.array((row[side] for row in rows), pa.string()) for side in (0, 1))
        return questions, answers
    values = [side.astype(np.int64) for side in operands]
    texts = [_texts(task, np.asarray(side)) for side in (*values, solve(task, *values))]
    questions = pc.binary_join_element_wise(texts[0], texts[1], task.operation.symbol)
    questions = pc.ascii_rpad(questions, task.question_width, PAD)
    answers = pc.binary_join_element_wise(task.operation.answer_prefix, texts[2], "")
    answers = pc.ascii_rpad(answers, task.answer_width, PAD)
    return pc.ascii_reverse(questions) if task.reverse else questions, answers


def write(task: Task, left: int, right: int) -> tuple[str, str]:
    """One question and its answer, as they are stored."""
    solved = solve(task, left, right)
    if notation(task) == DASHES:
        texts = ["-" * value for value in (left, right, solved)]
    else:
        texts = [str(value) for value in (left, right, solved)]
    question = f"{texts[0]}{task.operation.symbol}{texts[1]}".ljust(task.question_width, PAD)
    answer = f"{task.operation.answer_prefix}{texts[2]}".ljust(task.answer_width, PAD)
    return question[::-1] if task.reverse else question, answer


def solve(task: Task, left, right):
    """The answers to Python integers; of the tasks in ``SOLVE``, also to int64 arrays."""
    if task.name in SOLVE:
        return SOLVE[task.name](task.digits, left, right)
    words = task.notation.words(task.digits)
    solved = task.operation.solve(task.digits, *(numbers.from_ints([side], words) for side in (left, right)))
    (magnitude,) = numbers.to_ints(solved.magnitude)
    return -magnitude if solved.negative is not None and solved.negative[0] else magnitude


def same_characters(characters: np.ndarray, texts: pa.Array) -> bool:
    """Whether uint8 of shape (n, width) holds the characters of n strings, all of that width."""
    lengths = pc.binary_length(texts)
    if not pc.all(pc.equal(lengths, characters.shape[1])).as_py():
        return False
    *_, content = texts.buffers()
    written = np.frombuffer(content, np.uint8, characters.size) if characters.size else np.empty(0, np.uint8)
    return np.array_equal(characters, written.reshape(characters.shape))


def check_rows(task: Task, rows: Iterable[tuple[str, str]], operands: Operands) -> None:
    """Checks rows one by one against the operands that they must ask about.

    Raises:
      Problem: A row is wrong, or there are too many or too few.
    """
    left, right = (side.tolist() for side in operands)
    count = 0
    for row, (question, answer) in enumerate(rows):
        wanted = (left[row], right[row]) if row < len(left) else None
        complaint = _complaint(task, question, answer, wanted)
        if complaint:
            raise Problem(f"row {row}: {complaint}")
        count = row + 1
    if count != len(left):
        raise Problem(f"has {count} rows, not {len(left)}")


def _complaint(task: Task, question: str, answer: str, wanted: tuple[int, int] | None) -> str:
    """The problem with a row; empty if there is none. ``wanted`` is None behind the last row."""
    for name, text, width in (("question", question, task.question_width), ("answer", answer, task.answer_width)):
        if len(text) != width:
            return f"the {name} is not {width} characters wide"
        if set(text) - set(task.alphabet):
            return f"the {name} is not of the alphabet {task.alphabet!r}"
    operands = _parse(task, question)
    if operands is None:
        return "the question asks nothing that can be answered"
    if write(task, *operands)[1] != answer:
        return "the answer is wrong"
    if wanted and operands != wanted:
        return "is not the example that the parameters give here"
    return ""


def _parse(task: Task, question: str) -> tuple[int, int] | None:
    """The operands that a question asks about; None if it is not a question."""
    read = len if notation(task) == DASHES else int
    operand = "-+" if notation(task) == DASHES else NUMBER
    grammar = f"({operand}){re.escape(task.operation.symbol)}({operand}){re.escape(PAD)}*"
    match = re.fullmatch(grammar, question[::-1] if task.reverse else question)
    return (read(match[1]), read(match[2])) if match else None


def _texts(task: Task, values: np.ndarray) -> pa.Array:
    """Numbers in base ten, or as that many dashes."""
    column = pa.array(values, pa.int64())
    return pc.binary_repeat("-", column) if notation(task) == DASHES else pc.cast(column, pa.string())
