"""The description of a dataset: rows, duplicates, and statistics."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import coverage, text
from seq2seq_arith.arithmetic.breakdowns import RANGES, ranges
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import abridged, table
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.pipelines import run_records
from seq2seq_arith.pipelines.showing.sample import Sample

ROWS = 5
# More groups than these are put into ranges.
MAX_GROUPS = 12
LARGEST_POWER = 15  # a number of more digits is not written out


def introduction(sample: Sample, rows: int = ROWS) -> str:
    """The numbers of examples and of dropped duplicates, the reason for these, and some rows."""
    task = sample.task
    lines = [
        f"{task.description}: {task.num_train:,} training and {task.num_validation:,} validation examples",
        "drawn here; no file was read or written" if sample.directory is None else printable(sample.directory),
        *_duplicates(sample),
        *([printable(last_run)] if sample.directory and (last_run := run_records.in_words(sample.directory)) else []),
    ]
    stored = (text.to_strings(column[:rows]) for column in (sample.questions, sample.answers))
    shown = [
        [
            abridged(text.written(question, task)),
            abridged(answer.strip()),
            f'"{abridged(question)}"',
            f'"{abridged(answer)}"',
        ]
        for question, answer in zip(*stored, strict=True)
    ]
    cells = [cell for row in shown for cell in row]
    if any("{" in cell for cell in cells):
        lines += ["", _runs(task, cells)]
    if rows > len(sample):
        lines.append(f"There are only {len(sample):,} rows.")
    if shown:
        lines += ["", table(["question", "answer", "question as stored", "answer as stored"], shown)]
        padded = f"padded with blanks to {task.question_width:,} and {task.answer_width:,} characters"
        lines.append(
            f"Stored questions are reversed; both are {padded}." if task.reverse else f"Stored strings are {padded}."
        )
    return "\n".join(lines)


def _runs(task: Task, cells: Sequence[str]) -> str:
    """The meaning of the marks of long runs in some cells, also of blanks, which are hard to see.

    >>> _runs(Task("pq"), ["-{337}p-{982}", "-{337}p-{982} {681}"])
    'Below, -{20} stands for 20 dashes in a row, and {20} after a blank for 20 blanks.'
    """
    run = "7{20} stands for 20 digits 7" if task.notation.has_digits else "-{20} stands for 20 dashes"
    repeated = {character for cell in cells for character in re.findall(r"(.)\{", cell)}
    if repeated == {PAD}:
        return "Below, {20} after a blank stands for 20 blanks in a row."
    return f"Below, {run} in a row{', and {20} after a blank for 20 blanks' * (PAD in repeated)}."


def statistics(sample: Sample) -> str:
    """The shortest and the longest strings, the lengths of the operands, and the breakdowns of the task, as tables."""
    lines = []
    if not sample.is_whole:
        of = "the first draws" if sample.draws_used is None else "a random sample"
        lines.append(f"statistics of {len(sample):,} examples, {of}\n")
    rows = [lengths(sample, name) for name in ("question", "answer")]
    lines.append(table(["characters", "mean", "shortest", "such as", "longest", "such as"], rows))
    for name, groups in shares(sample).items():
        header = list(groups[0])
        cells = [
            [f"{value:.1%}" if isinstance(value, float) else value for value in group.values()] for group in groups
        ]
        lines.append(f"\n{table([name, *header[1:]], cells)}")
    return "\n".join(lines)


def _duplicates(sample: Sample) -> list[str]:
    """The number of dropped draws, and the reason; nothing if it is not known."""
    task, classes = sample.task, coverage.key_classes(sample.task)
    if sample.draws_used is None:
        return []
    duplicates = sample.draws_used - task.num_examples
    if task.operation.arity != 2:
        return [f"{sample.draws_used:,} questions were drawn, and {duplicates:,} of them dropped, as drawn before."]
    a, b = task.notation.example
    symbol = task.operation.symbol
    counting = f"{a}{symbol}{b} and {b}{symbol}{a} count as {'two pairs' if task.ordered else 'one pair'}"
    if not duplicates:
        return [f"{sample.draws_used:,} pairs were drawn, and none of them twice ({counting})."]
    few = classes.total < 10**LARGEST_POWER
    why = f"There are {f'{classes.total:,}' if few else f'more than 10^{LARGEST_POWER}'} different pairs."
    if task.sampler.has_short_pairs and task.size > 1:
        single = int(task.sampler.values(task.size)[0][0])
        pairs = single**2 if task.ordered else single * (single + 1) // 2
        # The other draws are rearranged (docs/reference/data-format.md).
        part = "" if task.sampler.share == 1 else "in the half of the draws that is not rearranged, "
        short = f"{part}short numbers are drawn as often as long ones"
        why += f" {short[0].upper()}{short[1:]}, but only {pairs} pairs have one digit each."
    return [
        f"{sample.draws_used:,} pairs were drawn, and {duplicates:,} of them dropped, because the same pair had been "
        f"drawn before ({counting}).",
        why,
    ]


def lengths(sample: Sample, name: str) -> list[Any]:
    """A row of the lengths of questions or answers in characters: the mean, and a shortest and a longest one."""
    column = getattr(sample, f"{name}s")
    sizes = np.sum(column != ord(PAD), axis=1)
    ends = [int(np.argmin(sizes)), int(np.argmax(sizes))]
    strings = text.to_strings(column[ends])
    if name == "question":
        strings = [text.written(string, sample.task) for string in strings]
    shortest, longest = (abridged(string.strip()) for string in strings)
    return [name, round(float(sizes.mean()), 1), int(sizes[ends[0]]), shortest, int(sizes[ends[1]]), longest]


def shares(sample: Sample) -> dict[str, list[dict[str, Any]]]:
    """The shares of the examples by the lengths of their operands, and by the breakdowns of the task."""
    task = sample.task
    sides = [ranges(task.operand_width, task.notation.measure(side)) for side in sample.operands]
    names, _ = sides[0]
    by_side = [np.bincount(index, minlength=len(names)) / len(sample) for _, index in sides]
    unit = f"{task.notation.characters} of an operand"
    tables: dict[str, list[dict[str, Any]]] = {
        unit: [
            {"group": name.replace(" ", ""), **dict(zip(task.operation.sides, map(float, shares), strict=True))}
            for name, *shares in zip(names, *by_side, strict=True)
        ]
    }
    for name, group in task.operation.breakdowns.items():
        groups = zip(*_groups(group(*sample.operands)), strict=True)
        tables[name] = [{"group": value, "share": float(count / len(sample))} for value, count in groups]
    return tables


def _groups(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The groups of an array and the size of each; numbers of many values are put into ranges.

    >>> _groups(np.array([0, 1, 1, 2]))
    (['0', '1', '2'], array([1, 2, 1]))
    >>> _groups(np.arange(100))
    (['0-19', '20-39', '40-59', '60-79', '80-99'], array([20, 20, 20, 20, 20]))
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= MAX_GROUPS or not np.issubdtype(distinct.dtype, np.integer):
        return [str(value) for value in distinct.tolist()], counts
    edges = np.linspace(distinct[0], distinct[-1] + 1, RANGES + 1).astype(int)
    index = np.searchsorted(edges, values, "right") - 1
    return [f"{low}-{high - 1}" for low, high in itertools.pairwise(edges)], np.bincount(index)
