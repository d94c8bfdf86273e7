"""A question in one-hot encoding, as models read it: as an array, and as a picture."""

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import abridged, shortened

BLOCK, DOT = "█", "·"
MAX_ROWS = 40  # of a picture


def encode(task: Task, question: str) -> tuple[str, np.ndarray]:
    """A question as a person writes it, as it is stored, and in one-hot: bool of shape (positions, alphabet).

    Raises InputError if it is not a question of this task.

    >>> stored, ones = encode(Task("pq", size=3), "--p-")
    >>> stored, Task("pq").alphabet
    ('--p-   ', ' -pq')
    >>> ones.astype(int).tolist()
    [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    """
    operands = text.typed_operands(question, task)
    notation = task.notation
    for operand in operands:
        if not notation.allows(task.size, operand):
            raise InputError(
                f"the question {shortened(question.strip())!r} has the operand {shortened(operand)!r}, and here are "
                f"only operands of {notation.describe(task.size)}; give another question, or {notation.larger}"
            )
    stored = text.stored(task, *operands)
    return stored, np.array([[symbol == character for character in task.alphabet] for symbol in stored])


def picture(task: Task, stored: str, ones: np.ndarray, block: str = BLOCK, dot: str = DOT) -> str:
    """One-hot as a picture: a row per position, a column per character of the alphabet; at most ``MAX_ROWS``."""
    head = f'one-hot of "{abridged(stored)}": {len(stored):,} positions × {len(task.alphabet)} characters'
    cut = f", of which the first {MAX_ROWS} positions are here" if len(stored) > MAX_ROWS else ""
    lines = [f"position  stored  {' '.join(text.visible(task.alphabet))}"]
    for position, (character, row) in enumerate(zip(text.visible(stored[:MAX_ROWS]), ones, strict=False)):
        lines.append(f"{position:>8}  {character:<6}  {' '.join(block if bit else dot for bit in row)}")
    return "\n".join([f"{head}{cut}", *lines, f"{block} is 1, {dot} is 0; each row has one 1. ␣ is the blank."])
