"""Computes the columns of numbers a second time, from operands that were drawn again.

A witness, as ``rows``: the writer adds digit by digit to find carries, and this module compares remainders instead.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from seq2seq_arith.arithmetic import numbers
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.pipelines.checking import rows
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.checking.redraw import Operands


def check_numbers(task: Task, names: Sequence[str], table: pa.Table, operands: Operands) -> None:
    """Checks the columns of these names.

    Raises:
      Problem: A number is not what the operands give; the message names the column and the first row.
    """
    for name in names:
        found, expected = table.column(name).to_numpy(), _column(task, name, operands)
        if wrong := np.flatnonzero(found != expected).tolist():
            raise Problem(f"row {wrong[0]}: {name} is {found[wrong[0]]}, not {expected[wrong[0]]}")


def _column(task: Task, name: str, operands: Operands) -> np.ndarray:
    """The numbers of a column, int64 of shape (n,)."""
    sides = {"left": 0, "right": 1} | {f"operand_{place + 1}": place for place in range(len(operands))}
    if name in sides:
        column = operands[sides[name]]
    elif task.name in rows.SOLVE:
        column = KNOWN[name](task, *operands)
    else:
        column = _own(task, name, operands)
    return np.asarray(column).astype(np.int64)


def _answers(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray(rows.solve(task, left.astype(np.int64), right.astype(np.int64)))


def _carried(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether each place of left + right carries: the digits up to it, taken alone, add up to a further digit."""
    powers = _powers(task, left)
    return np.array([left % power + right % power >= power for power in powers], bool)


def _borrowed(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether each place borrows: the digits up to it, taken alone, are fewer in the larger operand."""
    large, small = np.maximum(left, right), np.minimum(left, right)
    return np.array([large % power < small % power for power in _powers(task, left)], bool)


def _powers(task: Task, like: np.ndarray) -> list:
    return [10 ** (place + 1) if like.dtype == object else np.uint64(10 ** (place + 1)) for place in range(task.digits)]


def _longest(flags: np.ndarray) -> np.ndarray:
    """The longest run of True in each column."""
    return np.array([max(map(len, "".join("01"[flag] for flag in column).split("0"))) for column in flags.T.tolist()])


def _own(task: Task, name: str, operands: Operands) -> np.ndarray:
    """The numbers by the task's own functions: a task that is not known here is not checked independently."""
    words = task.notation.words(task.digits)
    sides = [numbers.from_ints(side.tolist(), words) for side in operands]
    if name != "answer_value":
        groups = {title.replace(" ", "_"): group for title, group in task.operation.breakdowns.items()}
        return groups[name](*sides)
    solved = task.operation.solve(task.digits, *sides)
    answers = solved.magnitude[0].astype(np.int64)
    return answers if solved.negative is None else np.where(solved.negative, -answers, answers)


# From a task and its operands to a column of numbers, by its name.
KNOWN: dict[str, Callable[[Task, np.ndarray, np.ndarray], np.ndarray]] = {
    "answer_value": _answers,
    "carries": lambda task, left, right: _carried(task, left, right).sum(axis=0),
    "longest_chain_of_carries": lambda task, left, right: _longest(_carried(task, left, right)),
    "borrows": lambda task, left, right: _borrowed(task, left, right).sum(axis=0),
    "longest_chain_of_borrows": lambda task, left, right: _longest(_borrowed(task, left, right)),
}
