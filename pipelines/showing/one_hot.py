"""A question in one-hot, as models read it: as an array, and as a picture."""

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import abridged, shortened

BLOCK, DOT = "█", "·"


def encode(task: Task, question: str) -> tuple[str, np.ndarray]:
    """A question as a person writes it, as it is stored, and in one-hot: bool of shape (alphabet, positions).

    Raises InputError if it is not a question of this task.

    >>> stored, ones = encode(Task("pq", digits=3), "--p-")
    >>> stored, Task("pq").alphabet
    ('--p-   ', ' -pq')
    >>> ones.astype(int).tolist()
    [[0, 0, 0, 0, 1, 1, 1], [1, 1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]]
    """
    operands = text.typed_operands(question, task)
    notation = task.notation
    for operand in operands:
        if not notation.allows(task.digits, operand):
            raise InputError(
                f"the question {shortened(question.strip())!r} has the operand {shortened(operand)!r}, and here are "
                f"only operands of {notation.describe(task.digits)}; give another question, or {notation.larger}"
            )
    stored = text.stored(task, *operands)
    return stored, np.array([[each == character for each in stored] for character in task.alphabet])


def picture(task: Task, stored: str, ones: np.ndarray, width: int, block: str = BLOCK, dot: str = DOT) -> str:
    """One-hot as a picture: a row per character of the alphabet, a column per position; cut to the width."""
    label, positions = len("position "), ones.shape[1]
    step = 2 if label + 2 * positions <= width else 1
    shown = max(1, min(positions, (width - label) // step))
    gap = " " * (step - 1)
    # The characters are named in quotes, because one of them is the blank.
    rows = [("position", [str(position % 10) for position in range(shown)]), ("stored", list(stored[:shown]))]
    rows += [
        (repr(character), [block if one else dot for one in row[:shown]])
        for character, row in zip(task.alphabet, ones, strict=True)
    ]
    lines = [f"{name:<{label}}{gap.join(cells)}".rstrip() for name, cells in rows]
    brief = f'"{abridged(stored)}"'
    head = f"one-hot of {brief}: {len(task.alphabet)} characters × {positions:,} positions"
    cut = f", of which the first {shown:,} fit here" if shown < positions else ""
    return "\n".join([f"{head}{cut}", *lines, f"{block} is 1, {dot} is 0; each position has one 1."])
