"""Where the dataset ends among the kept draws, and the validation split among the examples.

Both are rows of a known rank among all shards: the N-th kept draw, and the V-th smallest split hash. Chance moves
either of them by a few √N ranks around a place that is known beforehand. So each shard reports only the rows in a
window around each place, and how many rows lie before it::

    kept draws, by number:   ...... | first_draw ...... N-th ...... last_draw |
                             before |            rows_near_end                |

    the same, by split hash: ...... | first_hash ...... V-th ...... last_hash | ......
                             before |           rows_near_split               |

A window that misses its place is noticed, and the run is tried again with a wider one.

From some 10^9 examples on, a few √N rows are more than one worker should gather, and with structured draws, where the
end can be anywhere, far fewer examples have as many. Then a histogram of the windows, of fixed size, is gathered first,
and of the rows only those in the buckets that hold the two places. These are drawn again from the kept draws, so that
the others are never sent.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from seq2seq_arith.arithmetic import coverage, numbers
from seq2seq_arith.arithmetic.draws import Key
from seq2seq_arith.arithmetic.splitmix import MASK64
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps.dedup import by_significance, hashes

# Half a window's width in ranks is this times √N: at least eight standard deviations.
DRAW_WIDTH = 8.0
SPLIT_WIDTH = 4.0

# More rows than these are narrowed down by a histogram of so many buckets before they are gathered. A row of numbers of
# at most 18 digits takes 32 bytes.
MAX_ROWS = 2**20
BUCKETS = 2**12

DRAW, SPLIT, KEY = range(3)  # the columns of a row; the words of x and of y begin at KEY


@dataclasses.dataclass(frozen=True)
class Windows:
    """Which rows the shards report.

    Attributes:
      first_draw, last_draw: Kept draws whose number lies between these, both included, are reported.
      first_hash, last_hash: So are those whose SPLIT hash lies between these, unless they come after ``last_draw``.
    """

    first_draw: int
    first_hash: int
    last_hash: int
    last_draw: int = MASK64

    @classmethod
    def around(cls, task: Task, widening: int = 1) -> "Windows":
        """The windows that hold both places, except in one run of 10^9; wider by a factor."""
        total, root = task.num_examples, widening * task.num_examples**0.5
        lowest = max(0.0, (task.num_validation - SPLIT_WIDTH * root) / total)
        highest = (task.num_validation + SPLIT_WIDTH * root) / total
        first_hash, last_hash = int(lowest * 2**64), min(MASK64, int(highest * 2**64))
        if task.drawing.share < 1:
            # How often draws repeat is not known: the N-th kept draw is draw N - 1 or a later one.
            last_draw = 2 * widening * coverage.draws_for(task, total)
            return cls(first_draw=total - 1, last_draw=last_draw, first_hash=first_hash, last_hash=last_hash)
        least, most = max(0, int(total - DRAW_WIDTH * root)), int(total + DRAW_WIDTH * root) + 1
        return cls(
            first_draw=coverage.draws_for(task, least) if least else 0,
            last_draw=coverage.draws_for(task, most),
            first_hash=first_hash,
            last_hash=last_hash,
        )


@dataclasses.dataclass(frozen=True)
class WindowRows:
    """The rows that one shard, or several, have in the windows; a row is draw number, SPLIT hash, words of x and of y.

    Attributes:
      distinct: How many kept draws there are.
      before_end: How many of those come before the draws' window.
      before_split: How many have a SPLIT hash before the hashes' window, and do not come after the draws' window.
      rows_near_end: The rows in the draws' window: uint64 of shape (n, 2 + arity·words).
      rows_near_split: The rows in the hashes' window that do not come after the draws' window, likewise.
    """

    distinct: int
    before_end: int
    before_split: int
    rows_near_end: np.ndarray
    rows_near_split: np.ndarray


@dataclasses.dataclass(frozen=True)
class Histogram:
    """How the rows in the windows are spread; its size does not depend on how many they are.

    Attributes:
      distinct, before_end, before_split: As in ``WindowRows``.
      draws, hashes: Rows in each of ``BUCKETS`` equal parts of the windows: int64 of shape (BUCKETS,).
    """

    distinct: int
    before_end: int
    before_split: int
    draws: np.ndarray
    hashes: np.ndarray


@dataclasses.dataclass(frozen=True)
class Cutoff:
    """The limits up to which kept draws are examples, and examples are in the validation split.

    Attributes:
      distinct: How many different keys the draws have.
      last_draw: The number of the N-th kept draw.
      last_validation: (split hash, x, y) of the last example of the validation split, where (x, y) is the key.
    """

    distinct: int
    last_draw: int
    last_validation: tuple[int, ...]


def expected_rows(task: Task, num_draws: int) -> int:
    """The most rows that all shards have in ``Windows.around`` the task."""
    near_split = 2 * SPLIT_WIDTH * task.num_examples**0.5
    near_end = 2 * DRAW_WIDTH * task.num_examples**0.5
    if task.drawing.share < 1:
        near_end = max(near_end, num_draws - task.num_examples)
    return int(near_split + near_end)


def row_bytes(task: Task) -> int:
    """The bytes of one row."""
    return 8 * (KEY + task.operation.arity * task.notation.words(task.digits))


def find(windows: Windows, kept: np.ndarray) -> WindowRows:
    """The rows in the windows among the kept draws of a shard, given as ``dedup.unique`` returns them."""
    draws, hashes = kept[DRAW], kept[SPLIT]
    early = draws < np.uint64(windows.first_draw)
    within = draws <= np.uint64(windows.last_draw)
    before, near_split = foreseen(windows, hashes)
    return WindowRows(
        distinct=len(draws),
        before_end=int(np.count_nonzero(early)),
        before_split=int(np.count_nonzero(before & within)),
        rows_near_end=kept.T[np.flatnonzero(~early & within)],
        rows_near_split=kept.T[np.flatnonzero(near_split & within)],
    )


def foreseen(windows: Windows, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the windows say about the split of the examples with these SPLIT hashes, whatever the cutoff will be.

    Returns:
      Whether an example comes before the hashes' window and so is in the validation split, and whether it is in the
      window and so undecided: bool of shape (n,) each.
    """
    before = hashes < np.uint64(windows.first_hash)
    return before, ~before & (hashes <= np.uint64(windows.last_hash))


def together(found: Iterable[WindowRows]) -> WindowRows:
    """The rows of several groups of shards as those of one."""
    parts = list(found)
    return WindowRows(
        distinct=sum(part.distinct for part in parts),
        before_end=sum(part.before_end for part in parts),
        before_split=sum(part.before_split for part in parts),
        rows_near_end=_concatenated([part.rows_near_end for part in parts]),
        rows_near_split=_concatenated([part.rows_near_split for part in parts]),
    )


def histogram(windows: Windows, found: WindowRows) -> Histogram:
    """How the rows of one shard, or several, are spread over the windows."""
    return Histogram(
        found.distinct,
        found.before_end,
        found.before_split,
        _counts(found.rows_near_end[:, DRAW], windows.first_draw, windows.last_draw),
        _counts(found.rows_near_split[:, SPLIT], windows.first_hash, windows.last_hash),
    )


def added(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of several groups of shards."""
    nothing = np.zeros(BUCKETS, np.int64)
    total = Histogram(0, 0, 0, nothing, nothing)
    for part in histograms:
        total = Histogram(
            total.distinct + part.distinct,
            total.before_end + part.before_end,
            total.before_split + part.before_split,
            total.draws + part.draws,
            total.hashes + part.hashes,
        )
    return total


def narrow(task: Task, windows: Windows, spread: Histogram) -> Windows:
    """The buckets in which both places must be, or the windows as they are where one place is outside.

    How many of the surplus draws have a hash before that of the last validation example is not known yet: it is the
    validation split's share of them, within ten standard deviations.
    """
    last = task.num_examples - 1 - spread.before_end
    draws = spread.draws.cumsum()
    if not 0 <= last < draws[-1]:
        return windows
    first_draw, last_draw = _bounds(windows.first_draw, windows.last_draw, draws, last, last)
    surplus = spread.before_end + int(draws[-1]) - task.num_examples
    share = task.num_validation / task.num_examples
    deviation = 10 * (share * (1 - share) * surplus) ** 0.5 + 10
    place = task.num_validation - 1 - spread.before_split + share * surplus
    hashes = spread.hashes.cumsum()
    low, high = max(0, int(place - deviation)), int(place + deviation) + 1
    if not low < hashes[-1]:
        return windows
    first_hash, last_hash = _bounds(windows.first_hash, windows.last_hash, hashes, low, min(high, int(hashes[-1]) - 1))
    return Windows(first_draw=first_draw, last_draw=last_draw, first_hash=first_hash, last_hash=last_hash)


def narrowed(
    task: Task, narrower: Windows, numbers: np.ndarray, validation: np.ndarray, undecided: np.ndarray
) -> WindowRows:
    """The rows of a shard in narrower windows, as ``find`` would have found them. The few rows are drawn again.

    Args:
      task: The dataset.
      narrower: Windows within those by which the splits were foreseen.
      numbers, validation, undecided: The kept draws, and what was foreseen of each, as ``blocks.unpack`` returns them.
    """
    early, within = numbers < np.uint64(narrower.first_draw), numbers <= np.uint64(narrower.last_draw)
    near_end = ~early & within
    rows = np.flatnonzero(near_end | (undecided & within))
    again = np.concatenate([numbers[np.newaxis, rows], hashes(task, numbers[rows])[1:]])
    before, near_split = foreseen(narrower, again[SPLIT])
    return WindowRows(
        distinct=len(numbers),
        before_end=int(np.count_nonzero(early)),
        before_split=int(np.count_nonzero(validation & within)) + int(np.count_nonzero(before & undecided[rows])),
        rows_near_end=again.T[np.flatnonzero(near_end[rows])],
        rows_near_split=again.T[np.flatnonzero(near_split)],
    )


def cutoff(task: Task, windows: Windows, found: WindowRows) -> Cutoff | None:
    """The cutoff, from the rows of all shards; None if there are fewer than N keys or a window misses."""
    end, split = found.rows_near_end, found.rows_near_split
    last = task.num_examples - 1 - found.before_end
    if not 0 <= last < len(end):
        return None
    last_draw = np.sort(end[:, DRAW])[last]
    surplus = end[end[:, DRAW] > last_draw]
    before = found.before_split - int((surplus[:, SPLIT] < np.uint64(windows.first_hash)).sum())
    candidates = split[split[:, DRAW] <= last_draw].T
    place = task.num_validation - 1 - before
    if not 0 <= place < candidates.shape[1]:
        return None
    arity = task.operation.arity
    order = np.lexsort((*by_significance(list(candidates[KEY:]), arity), candidates[SPLIT]))
    chosen = candidates[:, order[place], np.newaxis]
    key = (numbers.to_ints(number)[0] for number in np.split(chosen[KEY:], arity))
    return Cutoff(found.distinct, int(last_draw), (int(chosen[SPLIT, 0]), *key))


def in_validation(cut: Cutoff, hashes: np.ndarray, key: Key) -> np.ndarray:
    """Which examples, given by SPLIT hash and key, are in the validation split; bool of the shape of ``hashes``."""
    last = cut.last_validation
    smaller = hashes <= np.uint64(last[0])
    ties = np.flatnonzero(hashes == np.uint64(last[0]))
    if len(ties):
        of_ties = (numbers.to_ints(number[:, ties]) for number in key)
        smaller[ties] = [each <= last[1:] for each in zip(*of_ties, strict=True)]
    return smaller


def _concatenated(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several shards; an engine may also combine no shards at all, whose rows have no width yet."""
    wide = [part for part in parts if part.shape[1]]
    return np.concatenate(wide) if wide else np.empty((0, 0), np.uint64)


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
