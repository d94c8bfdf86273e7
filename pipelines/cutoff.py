"""Where the dataset ends among the kept draws, and validation among the examples.

Both are rows of a known rank among all shards: the N-th kept draw, and the ⌊N/10⌋-th smallest split hash. Chance moves
either by a few √N ranks around a place that is known beforehand, so each shard reports only the rows in a window around
it, and how many lie before it. A window that misses is seen, and is tried again wider.

From some 10^9 examples on, a few √N rows are more than one worker should gather. Then a histogram of the windows, of
fixed size, is gathered first, and of the rows only those in the buckets that hold the two places.
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

# More rows than these, 32 bytes each, are narrowed down by a histogram of so many buckets before they are gathered.
MAX_ROWS = 2**20
BUCKETS = 2**12

DRAW, SPLIT, X, Y = range(4)  # the columns of a row


@dataclasses.dataclass(frozen=True)
class Windows:
    """Which rows the shards report.

    Attributes:
      first_draw, last_draw: Kept draws whose number lies between, both included, are reported.
      first_hash, last_hash: So are those whose SPLIT hash lies between, unless they come after ``last_draw``.
    """

    first_draw: int
    first_hash: int
    last_hash: int
    last_draw: int = d.MASK64

    @classmethod
    def around(cls, task: Task, widening: int = 1) -> "Windows":
        """The windows in which both places are, but for one run in 10^9; wider by a factor."""
        total, root = task.num_examples, widening * task.num_examples**0.5
        before, behind = max(0, int(total - DRAW_WIDTH * root)), int(total + DRAW_WIDTH * root) + 1
        lowest = max(0.0, (task.num_validation - SPLIT_WIDTH * root) / total)
        highest = (task.num_validation + SPLIT_WIDTH * root) / total
        return cls(
            first_draw=coverage.draws_for(task, before) if before else 0,
            last_draw=coverage.draws_for(task, behind),
            first_hash=int(lowest * 2**64),
            last_hash=min(d.MASK64, int(highest * 2**64)),
        )


@dataclasses.dataclass(frozen=True)
class Findings:
    """What one shard, or several, have in the windows.

    Attributes:
      distinct: Their kept draws.
      ahead: How many of those come before the draws' window.
      before: How many have a SPLIT hash before the hashes' window, and do not come after the draws' window.
      tail: Rows (draw, split hash, x, y) of the kept draws in the draws' window: uint64 of shape (n, 4).
      near: The same, of those in the hashes' window.
    """

    distinct: int
    ahead: int
    before: int
    tail: np.ndarray
    near: np.ndarray


@dataclasses.dataclass(frozen=True)
class Histogram:
    """How the rows in the windows are spread; of the same size however many they are.

    Attributes:
      distinct, ahead, before: As in ``Findings``.
      draws, hashes: Rows in each of ``BUCKETS`` equal parts of the windows: int64 of shape (BUCKETS,).
    """

    distinct: int
    ahead: int
    before: int
    draws: np.ndarray
    hashes: np.ndarray


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


def expected_rows(task: Task) -> int:
    """How many rows all shards have in ``Windows.around`` the task, at most."""
    return int(2 * (DRAW_WIDTH + SPLIT_WIDTH) * task.num_examples**0.5)


def find(windows: Windows, numbers: np.ndarray, hashes: np.ndarray, x: np.ndarray, y: np.ndarray) -> Findings:
    """The findings of kept draws, given as numbers, SPLIT hashes and keys: four uint64 arrays of one shape."""
    columns = (numbers, hashes, x, y)
    early = numbers < np.uint64(windows.first_draw)
    within = numbers <= np.uint64(windows.last_draw)
    before = hashes < np.uint64(windows.first_hash)
    return Findings(
        distinct=len(numbers),
        ahead=int(np.count_nonzero(early)),
        before=int(np.count_nonzero(before & within)),
        tail=_rows(columns, np.flatnonzero(~early & within)),
        near=_rows(columns, np.flatnonzero(~before & within & (hashes <= np.uint64(windows.last_hash)))),
    )


def together(findings: Iterable[Findings]) -> Findings:
    """The findings of several groups of shards as those of one."""
    parts = list(findings)
    empty = np.empty((0, 4), np.uint64)
    return Findings(
        distinct=sum(part.distinct for part in parts),
        ahead=sum(part.ahead for part in parts),
        before=sum(part.before for part in parts),
        tail=np.concatenate([empty, *(part.tail for part in parts)]),
        near=np.concatenate([empty, *(part.near for part in parts)]),
    )


def histogram(windows: Windows, findings: Findings) -> Histogram:
    """How the rows of one shard, or several, are spread over the windows."""
    return Histogram(
        findings.distinct,
        findings.ahead,
        findings.before,
        _counts(findings.tail[:, DRAW], windows.first_draw, windows.last_draw),
        _counts(findings.near[:, SPLIT], windows.first_hash, windows.last_hash),
    )


def added(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of several groups of shards."""
    nothing = np.zeros(BUCKETS, np.int64)
    total = Histogram(0, 0, 0, nothing, nothing)
    for part in histograms:
        total = Histogram(
            total.distinct + part.distinct,
            total.ahead + part.ahead,
            total.before + part.before,
            total.draws + part.draws,
            total.hashes + part.hashes,
        )
    return total


def narrow(task: Task, windows: Windows, spread: Histogram) -> Windows:
    """The buckets in which both places must be, or the windows as they are where one is outside.

    How many of the surplus draws have a hash before validation's last is not known yet: a tenth of them, within ten
    standard deviations.
    """
    last = task.num_examples - 1 - spread.ahead
    draws = spread.draws.cumsum()
    if not 0 <= last < draws[-1]:
        return windows
    first_draw, last_draw = _bounds(windows.first_draw, windows.last_draw, draws, last, last)
    surplus = spread.ahead + int(draws[-1]) - task.num_examples
    share, deviation = surplus / 10, 10 * (0.09 * surplus) ** 0.5 + 10
    place = task.num_validation - 1 - spread.before
    hashes = spread.hashes.cumsum()
    low, high = max(0, int(place + share - deviation)), int(place + share + deviation) + 1
    if not low < hashes[-1]:
        return windows
    first_hash, last_hash = _bounds(windows.first_hash, windows.last_hash, hashes, low, min(high, int(hashes[-1]) - 1))
    return Windows(first_draw=first_draw, last_draw=last_draw, first_hash=first_hash, last_hash=last_hash)


def narrowed(findings: Findings, windows: Windows, narrower: Windows) -> Findings:
    """What was found in the windows, as ``find`` would have found it in narrower ones."""
    tail, near = findings.tail, findings.near
    early = tail[:, DRAW] < np.uint64(narrower.first_draw)
    late = tail[:, DRAW] > np.uint64(narrower.last_draw)
    near = near[near[:, DRAW] <= np.uint64(narrower.last_draw)]
    before = near[:, SPLIT] < np.uint64(narrower.first_hash)
    dropped = late & (tail[:, SPLIT] < np.uint64(windows.first_hash))
    return Findings(
        distinct=findings.distinct,
        ahead=findings.ahead + int(np.count_nonzero(early)),
        before=findings.before - int(np.count_nonzero(dropped)) + int(np.count_nonzero(before)),
        tail=tail[~early & ~late],
        near=near[~before & (near[:, SPLIT] <= np.uint64(narrower.last_hash))],
    )


def cutoff(task: Task, windows: Windows, all_shards: Findings) -> Cutoff | None:
    """The cutoff that the findings of all shards show; None if there are fewer than N keys or a window misses."""
    tail, near = all_shards.tail, all_shards.near
    last = task.num_examples - 1 - all_shards.ahead
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


def _width(first: int, last: int) -> int:
    """How many values a bucket has, of those that cut ``first`` to ``last``, both included, into equal parts."""
    return (last - first) // BUCKETS + 1


def _counts(values: np.ndarray, first: int, last: int) -> np.ndarray:
    buckets = (values - np.uint64(first)) // np.uint64(_width(first, last))
    return np.bincount(buckets.view(np.int64), minlength=BUCKETS)


def _bounds(first: int, last: int, counts: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """The first and the last value of the buckets that hold the ranks ``low`` to ``high``, by cumulated counts."""
    begin, end = (int(np.searchsorted(counts, rank, side="right")) for rank in (low, high))
    width = _width(first, last)
    return first + begin * width, min(last, first + (end + 1) * width - 1)
