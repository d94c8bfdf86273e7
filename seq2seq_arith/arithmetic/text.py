"""From operands to the stored strings and back: fixed-width matrices of ASCII, one row per example.

Also from a question as a person types it to the stored one, and back.
"""

import re

import numpy as np

from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import shortened


def questions(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Stored questions: padded to the width, then reversed if the task says so.

    Args:
      task: Decides how they are written.
      left, right: The operands, uint64 of shape (words, n).

    Returns:
      uint8 of shape (n, question_width).
    """
    symbol = task.operation.symbol
    rows = task.notation.question(symbol, task.digits, left, right, task.question_width)
    return rows[:, ::-1] if task.reverse else rows


def answers(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Stored answers, padded to the width: uint8 of shape (n, answer_width)."""
    solved = task.operation.solve(task.digits, left, right)
    return task.notation.answer(task.operation.answer_prefix, solved, task.answer_width)


def operands(task: Task, stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The operands of stored questions, read from the characters: the inverse of ``questions``.

    Args:
      task: Whose questions they are.
      stored: uint8 of shape (n, question_width).

    Returns:
      The left and the right operands, uint64 of shape (words, n).
    """
    codes = stored[:, ::-1] if task.reverse else stored
    operator = np.argmax(codes == ord(task.operation.symbol), axis=1)
    end = np.sum(codes != ord(PAD), axis=1)
    sides = (np.zeros_like(operator), operator), (operator + 1, end)
    left, right = (task.notation.read(codes, *side, task.digits) for side in sides)
    return left, right


def example(task: Task) -> str:
    """A question of the task, as a person writes it.

    >>> example(Task("pq")), example(Task("subtraction", digits=1))
    ('---p--', '1-7')
    """
    return task.operation.symbol.join(operand[: task.operand_width] for operand in task.notation.example)


def typed_operands(question: str, task: Task) -> tuple[str, str]:
    """The operands of a question as a person writes it; blanks are ignored.

    Raises:
      InputError: It is not a question of this task.
    """
    operation = task.operation
    bare = re.sub(r"\s", "", question)
    shown = repr(shortened(question.strip()))
    if foreign := sorted(set(bare) - set(task.alphabet)):
        raise InputError(
            f"the question {shown} holds {foreign[0]!r}, which is not in the alphabet {task.alphabet!r} of "
            f"{task.name}; write it like {example(task)}"
        )
    found = task.notation.split(operation.symbol, bare)
    if not found:
        raise InputError(
            f"the question {shown} is not one of {task.name}; write two operands with {operation.symbol!r} "
            f"between them, like {example(task)}"
        )
    if not all(map(task.notation.is_operand, found)):
        raise InputError(f"the question {shown} has an operand with a zero in front; leave it out, as the datasets do")
    return found


def stored(task: Task, left: str, right: str) -> str:
    """The question on two operands as the datasets hold it; ``written`` is the inverse.

    >>> stored(Task("addition"), "12", "34")
    '  43+21'
    """
    padded = f"{left}{task.operation.symbol}{right}".ljust(task.question_width, PAD)
    return padded[::-1] if task.reverse else padded


def written(question: str, task: Task) -> str:
    """A stored question as a person writes it: without padding, from left to right.

    >>> written("  43+21", Task("addition"))
    '12+34'
    """
    return (question[::-1] if task.reverse else question).strip(PAD)
