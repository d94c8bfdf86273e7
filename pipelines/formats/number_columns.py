"""Columns of whole numbers beside the question and the answer in Parquet files, for analysis::

    question    answer    left   right   answer_value   carries
    " 815+55"   "573 "      55     518            573         0

The task decides which there are: its operands, its answer, and each of its breakdowns that counts something. They are
computed from the stored questions. So a finished dataset can be given them, too.

>>> available(Task("addition"))
('left', 'right', 'answer_value', 'carries', 'longest_chain_of_carries')
>>> available(Task("multiplication", digits=40))
()
"""

from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic import draws, text
from seq2seq_arith.arithmetic.tasks import Group, Task
from seq2seq_arith.base.errors import InputError

ANSWER = "answer_value"
# Bytes that zstd leaves of a number, by its decimal digits, and of a count.
DIGIT_BYTES, NUMBER_BYTES, COUNT_BYTES = 0.42, 0.5, 0.5


def available(task: Task) -> tuple[str, ...]:
    """The columns that a task has: those whose numbers fit into 64 bits."""
    some = draws.operands(task, np.zeros(1, np.uint64))
    magnitude = task.operation.solve(task.digits, *some).magnitude
    # A word has 18 digits, the last one of an answer 19.
    return (
        *(operand_names(task) if task.notation.words(task.digits) == 1 else ()),
        *((ANSWER,) if len(magnitude) == 1 else ()),
        *(name for name, group in counts(task).items() if group(*some).dtype.kind in "iu"),
    )


def operand_names(task: Task) -> tuple[str, ...]:
    """The columns of the operands: ``left`` and ``right``, or ``operand_1`` and so on if they are not two."""
    return tuple(side.replace(" ", "_") for side in task.operation.sides)


def counts(task: Task) -> dict[str, Group]:
    """The breakdowns of a task, by the names that columns can have."""
    return {name.replace(" ", "_"): group for name, group in task.operation.breakdowns.items()}


def chosen(task: Task, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of these names, each once, in the order of ``available``.

    Raises:
      InputError: The task does not have one of them.
    """
    allowed = available(task)
    if unknown := [name for name in names if name not in allowed]:
        give = f"give some of {', '.join(allowed)}" if allowed else "leave it out: no column fits"
        raise InputError(f"columns has {unknown[0]!r}, and {task.description} has no such column of 64 bits; {give}")
    return tuple(name for name in allowed if name in names)


def values(task: Task, names: Sequence[str], questions: np.ndarray) -> list[np.ndarray]:
    """The columns of examples.

    Args:
      task: The task.
      names: The columns, as ``chosen`` gives them.
      questions: The stored questions, uint8 of shape (n, question_width).

    Returns:
      One int64 array of shape (n,) per name.
    """
    operands = text.operands(task, questions)
    found: dict[str, np.ndarray] = {}
    for name, side in zip(operand_names(task), operands, strict=True):
        if name in names:
            found[name] = side[0].astype(np.int64)
    if ANSWER in names:
        magnitude, negative = task.operation.solve(task.digits, *operands)
        answers = magnitude[0].astype(np.int64)
        found[ANSWER] = answers if negative is None else np.where(negative, -answers, answers)
    for name, group in counts(task).items():
        if name in names:
            found[name] = group(*operands).astype(np.int64)
    return [found[name] for name in names]


def estimated_bytes(task: Task, names: Sequence[str]) -> int:
    """About how many bytes the columns of all examples take in the files."""
    digits = task.operand_width if task.notation.has_digits else len(str(task.digits))
    groups = counts(task)
    per_row = sum(COUNT_BYTES if name in groups else NUMBER_BYTES + DIGIT_BYTES * digits for name in names)
    return int(task.num_examples * per_row)
