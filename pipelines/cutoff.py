"""Where the dataset ends among the kept draws, and validation among the examples.

Both are rows of a known rank among all shards: the N-th kept draw, and the ⌊N/10⌋-th smallest split hash. Chance moves
either by a few √N ranks around a place that is known beforehand, so each shard reports only the rows in a window around
it, and how many lie before it. A window that misses is seen, and is tried again wider.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from seq2seq_arith.pipelines import coverage
from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.tasks import Task

# Half a window's width in ranks is this times √N: more than ten standard deviations.
DRAW_WIDTH = 8.0
SPLIT_WIDTH = 4.0

DRAW, SPLIT, X, Y = range(4)  # the columns of a row


@dataclasses.dataclass(frozen=True)
class Windows:
    """Which rows the shards report.

    Attributes:
      first_draw: Kept draws from this number on are reported.
      first_hash, last_hash: Kept draws whose SPLIT hash lies between, both included, are reported.
    """

    first_draw: int
    first_hash: int
    last_hash: int

    @classmethod
    def around(cls, task: Task, widening: int = 1) -> "Windows":
        """The windows in which both places are, but for one run in 10^9; wider by a factor."""
        total, root = task.num_examples, widening * task.num_examples**0.5
        before = max(0, int(total - DRAW_WIDTH * root))
        lowest = max(0.0, (task.num_validation - SPLIT_WIDTH * root) / total)
        highest = (task.num_validation + SPLIT_WIDTH * root) / total
        return cls(
            first_draw=coverage.draws_for(task, before) if before else 0,
            first_hash=int(lowest * 2**64),
            last_hash=min(d.MASK64, int(highest * 2**64)),
        )


@dataclasses.dataclass(frozen=True)
class Findings:
    """What one shard, or several, have in the windows.

    Attributes:
      distinct: Their kept draws.
      before: How many of those have a SPLIT hash before the window.
      tail: Rows (draw, split hash, x, y) of the kept draws in the draws' window: uint64 of shape (n, 4).
      near: The same, of those in the hashes' window.
    """

    distinct: int
    before: int
    tail: np.ndarray
    near: np.ndarray


@dataclasses.dataclass(frozen=True)
class Cutoff:
    """What makes a kept draw an example, and an example one of validation.

    Attributes:
      distinct: How many different keys the draws have.
      last_draw: The number of the N-th kept draw.
      last_validation: (split hash, x, y) of the last example of validation.
    """

    distinct: int
    last_draw: int
    last_validation: tuple[int, int, int]


def find(windows: Windows, numbers: np.ndarray, hashes: np.ndarray, x: np.ndarray, y: np.ndarray) -> Findings:
    """The findings of kept draws, given as numbers, SPLIT hashes and keys: four uint64 arrays of one shape."""
    columns = (numbers, hashes, x, y)
    before = hashes < np.uint64(windows.first_hash)
    near = np.flatnonzero(~before & (hashes <= np.uint64(windows.last_hash)))
    tail = np.flatnonzero(numbers >= np.uint64(windows.first_draw))
    return Findings(len(numbers), int(before.sum()), _rows(columns, tail), _rows(columns, near))


def together(findings: Iterable[Findings]) -> Findings:
    """The findings of several groups of shards as those of one."""
    parts = list(findings)
    empty = np.empty((0, 4), np.uint64)
    return Findings(
        distinct=sum(part.distinct for part in parts),
        before=sum(part.before for part in parts),
        tail=np.concatenate([empty, *(part.tail for part in parts)]),
        near=np.concatenate([empty, *(part.near for part in parts)]),
    )


def cutoff(task: Task, windows: Windows, all_shards: Findings) -> Cutoff | None:
    """The cutoff that the findings of all shards show; None if there are fewer than N keys or a window misses."""
    tail, near = all_shards.tail, all_shards.near
    last = task.num_examples - 1 - (all_shards.distinct - len(tail))
    if not 0 <= last < len(tail):
        return None
    last_draw = np.sort(tail[:, DRAW])[last]
    surplus = tail[tail[:, DRAW] > last_draw]
    before = all_shards.before - int((surplus[:, SPLIT] < np.uint64(windows.first_hash)).sum())
    candidates = near[near[:, DRAW] <= last_draw]
    place = task.num_validation - 1 - before
    if not 0 <= place < len(candidates):
        return None
    order = np.lexsort((candidates[:, Y], candidates[:, X], candidates[:, SPLIT]))
    split, x, y = (int(value) for value in candidates[order[place], SPLIT:])
    return Cutoff(all_shards.distinct, int(last_draw), (split, x, y))


def in_validation(cut: Cutoff, hashes: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which examples, given by SPLIT hash and key, are in validation; bool of their shape."""
    last = cut.last_validation
    smaller = hashes <= np.uint64(last[0])
    for index in np.flatnonzero(hashes == np.uint64(last[0])):
        smaller[index] = (int(x[index]), int(y[index])) <= last[1:]
    return smaller


def _rows(columns: tuple[np.ndarray, ...], indices: np.ndarray) -> np.ndarray:
    return np.stack([column[indices] for column in columns], axis=1)
