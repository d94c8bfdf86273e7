"""Tables of where a model errs: exact match by groups of examples."""

from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.breakdowns import ranges
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data.probes import Operands


def by_lengths(task: Task, operands: Operands, exact: np.ndarray) -> list[dict[str, Any]]:
    """Exact match by the lengths of all operands; if there are many, by ranges of lengths."""
    measured = [ranges(task.operand_width, task.notation.measure(side)) for side in operands]
    names, index = measured[0][0], np.stack([index for _, index in measured])
    return [
        {side: names[i] for side, i in zip(task.operation.sides, group.tolist(), strict=True)}
        | _result(exact[(group == index.T).all(axis=1)])
        for group in np.unique(index, axis=1).T
    ]


def by(values: np.ndarray, exact: np.ndarray, name: str) -> list[dict[str, Any]]:
    """Exact match by the distinct values of an array [examples]."""
    return [{name: value.item()} | _result(exact[values == value]) for value in np.unique(values)]


def breakdown(task: Task, operands: Operands, answers: np.ndarray, exact: np.ndarray) -> dict[str, list[dict]]:
    """All tables of a set.

    The tables are by the lengths of the operands, by the breakdowns of the task's entry, and by the answer's length.

    Args:
      task: The task of the examples.
      operands: uint64 [words, examples] each.
      answers: The right answers, uint8 [examples, answer width].
      exact: bool [examples].

    Returns:
      The rows of each table, by its name; each row has the group, ``examples`` and ``exact_match``.
    """
    tables = {"operand lengths": by_lengths(task, operands, exact)}
    for name, group in task.operation.breakdowns.items():
        tables[name] = by(group(*operands), exact, name)
    if task.notation.has_digits:
        tables["answer length"] = by(np.sum(answers != ord(" "), axis=1), exact, "characters")
    else:
        names, index = ranges(task.answer_width, np.sum(answers != ord(" "), axis=1))
        tables["answer length"] = by(np.array(names)[index], exact, "characters")
    return tables


def _result(exact: np.ndarray) -> dict[str, Any]:
    return {"examples": len(exact), "exact_match": float(np.mean(exact))}
