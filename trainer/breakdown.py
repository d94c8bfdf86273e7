"""Where a model errs: exact match by what the examples are like."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer.probes import Operands

SINGLE_LENGTHS = 9
RANGES = 5


def lengths(task: Task, operand: np.ndarray) -> np.ndarray:
    """int64 [examples]: the digits, or dashes, of each operand."""
    if task.operation.notation == "dashes":
        return operand.astype(np.int64)
    powers = np.array([10**n for n in range(1, 20)], np.uint64)
    return 1 + np.searchsorted(powers, operand, side="right")


def carries(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """int64 [examples]: how often a digit is carried in left + right."""
    left, right = left.astype(np.int64), right.astype(np.int64)
    count = carry = np.zeros(left.shape, np.int64)
    while left.any() or right.any():
        carry = (left % 10 + right % 10 + carry) // 10
        count = count + carry
        left, right = left // 10, right // 10
    return count


def borrows(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """int64 [examples]: how often a digit is borrowed when the smaller operand is taken from the larger."""
    high, low = np.maximum(left, right).astype(np.int64), np.minimum(left, right).astype(np.int64)
    return carries((high - low).astype(np.int64), low)


CARRIES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "addition": ("carries", carries),
    "subtraction": ("borrows", borrows),
}


def by_lengths(task: Task, operands: Operands, exact: np.ndarray) -> list[dict[str, Any]]:
    """Exact match by the lengths of both operands; more than nine lengths are put into five ranges."""
    names, left = _ranges(task.digits, lengths(task, operands[0]))
    _, right = _ranges(task.digits, lengths(task, operands[1]))
    return [
        {"left": names[i], "right": names[j]} | _result(exact[(left == i) & (right == j)])
        for i in range(len(names))
        for j in range(len(names))
        if ((left == i) & (right == j)).any()
    ]


def by(values: np.ndarray, exact: np.ndarray, name: str) -> list[dict[str, Any]]:
    """Exact match by the distinct values."""
    return [{name: value.item()} | _result(exact[values == value]) for value in np.unique(values)]


def breakdown(task: Task, operands: Operands, answers: np.ndarray, exact: np.ndarray) -> dict[str, list[dict]]:
    """All the tables of a set.

    Args:
      task: Whose operands these are.
      operands: uint64 [examples] each.
      answers: The right answers, uint8 [examples, answer width].
      exact: bool [examples].

    Returns:
      Table name to rows; each row has the group, ``examples`` and ``exact_match``.
    """
    tables = {"operand lengths": by_lengths(task, operands, exact)}
    if task.name in CARRIES:
        name, count = CARRIES[task.name]
        tables[name] = by(count(*operands), exact, name)
    if task.operation.notation == "decimal":
        if task.name == "subtraction":
            solved = task.operation.solve(operands[0].astype(np.int64), operands[1].astype(np.int64))
            names = np.array(["negative", "zero", "positive"])
            tables["sign"] = by(names[np.sign(solved) + 1], exact, "sign")
        tables["answer length"] = by(np.sum(answers != ord(" "), axis=1), exact, "characters")
    else:
        names, index = _ranges(task.answer_width, np.sum(answers != ord(" "), axis=1))
        tables["answer length"] = by(np.array(names)[index], exact, "characters")
    return tables


def _ranges(longest: int, values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The names of the ranges that 1..longest is cut into, and which of them each value falls into."""
    if longest <= SINGLE_LENGTHS:
        return [str(length) for length in range(1, longest + 1)], values - 1
    ends = np.array([longest * (n + 1) // RANGES for n in range(RANGES)])
    digits = len(str(longest))
    starts = np.concatenate([[0], ends[:-1]]) + 1
    names = [f"{start:{digits}d}-{end:{digits}d}" for start, end in zip(starts, ends, strict=True)]
    return names, np.searchsorted(ends, values)


def _result(exact: np.ndarray) -> dict[str, Any]:
    return {"examples": len(exact), "exact_match": float(np.mean(exact))}
