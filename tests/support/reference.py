"""Whole datasets as the notebook made them: one loop over draws and a set of seen keys.

It is slow, and shares nothing with the pipeline, so that the two can be held against each other: draws, hashes,
notations and records are those of ``pipelines.checking.independent``, in plain Python.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.checking.independent import Example, draw, example, key, key_hash, record, text, uniform

__all__ = ("Example", "draw", "example", "key", "key_hash", "record", "text", "uniform")
SPLITS = ("train", "validation")
ROW = re.compile(r"^\| `?([\w-]+)`? \| ([\d,]+) \| `(\w{64})` \| `(\w{64})` \|$", re.MULTILINE)
# The test vectors, as their page has them: a dataset, its draws, and the sha256 of the lines of each split,
# ``question<TAB>answer<LF>``. They never change.
VECTORS = [
    (name, int(draws.replace(",", "")), *digests)
    for name, draws, *digests in ROW.findall((ROOT / "docs/reference/test-vectors.md").read_text(encoding="utf-8"))
    if name.partition("-")[0] in OPERATIONS
]
assert len(VECTORS) >= 14


@dataclasses.dataclass(frozen=True)
class Dataset:
    draws_used: int
    train: list[Example]
    validation: list[Example]

    def split(self, name: str) -> list[Example]:
        return getattr(self, name)

    def rows(self, split: str) -> list[tuple[str, str]]:
        return [(example.question, example.answer) for example in self.split(split)]

    def tfrecord(self, split: str, shard: int, num_shards: int) -> bytes:
        """The bytes of a TFRecord file."""
        wanted = (example for example in self.split(split) if example.shard(num_shards) == shard)
        return b"".join(record(example.question, example.answer) for example in wanted)


def solver(name: str) -> Callable[..., str]:
    """The line of a task in ``SOLVERS``; without one, the test fails in a sentence."""
    if name not in independent.SOLVERS:
        pytest.fail(
            f"{name} has no line in SOLVERS of pipelines/checking/independent.py, by which verify and the tests solve "
            "it without its own code; add one: from its size and the operands, as people write them, to the answer",
            pytrace=False,
        )
    return independent.SOLVERS[name]


def dataset(task: Task) -> Dataset:
    kept: list[Example] = []
    seen = set()
    i = 0
    while len(kept) < task.num_examples:
        row = example(task, draw(task, i))
        i += 1
        if row.key not in seen:
            seen.add(row.key)
            kept.append(row)
    by_split = sorted(kept, key=lambda example: (example.split_hash, example.key))
    return Dataset(i, sorted(by_split[task.num_validation :]), sorted(by_split[: task.num_validation]))


def chains(left: int, right: int, size: int, borrows: bool) -> list[range]:
    """The runs of places with a carry, or with a borrow in the larger number minus the smaller."""
    high, low = max(left, right), min(left, right)
    out, carry = "", 0
    for place in range(size):
        a, b = high // 10**place % 10, low // 10**place % 10
        carry = int(a - b - carry < 0) if borrows else int(a + b + carry > 9)
        out += str(carry)
    return [range(*run.span()) for run in re.finditer("1+", out)]


def rows_sha256(rows: Iterable[tuple[str, str]]) -> str:
    """The digest of a split's rows that the vectors have."""
    return hashlib.sha256("".join(f"{question}\t{answer}\n" for question, answer in rows).encode()).hexdigest()
