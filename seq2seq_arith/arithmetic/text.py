"""From operands to the stored strings and back: fixed-width matrices of ASCII, one row per example."""

import numpy as np

from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.tasks import Task


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
