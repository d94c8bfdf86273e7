"""Where the dataset ends among the kept draws, and the validation split among the examples.

Both are rows of a known rank among all shards: the N-th kept draw, and the V-th smallest split hash. Chance moves
either of them by a few √N ranks around a place that is known beforehand. So each shard reports only the rows in a
window around each place, and how many rows lie before it::

    kept draws, by number:   ...... | first_draw ...... N-th ...... last_draw |
                             before |            rows_near_end                |

    the same, by split hash: ...... | first_hash ...... V-th ...... last_hash | ......
                             before |           rows_near_split               |

A window that misses its place is noticed, and the run is repeated with a wider one.

With structured draws, how often draws repeat is not known, and so the N-th kept draw can be anywhere. Its window is
found by counting first: the draws are cut into ``BUCKETS`` equal parts, and the window is the part with the N-th::

    part of the draws:       |   0   |   1   |   2   |   3   | ...
    kept draws in it:           90      70      60      50         N = 180: the window is part 2
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from seq2seq_arith.arithmetic import coverage, draws, numbers
from seq2seq_arith.arithmetic.draws import Key
from seq2seq_arith.arithmetic.splitmix import MASK64
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps.blocks import pack, unpack
from seq2seq_arith.pipelines.steps.dedup import by_significance, hashes

# Half a window's width in ranks is this times √N: at least eight standard deviations.
DRAW_WIDTH = 8.0
SPLIT_WIDTH = 4.0

BUCKETS = 2**14

DRAW, SPLIT, KEY = range(3)  # the columns of a row; the words of x and of y begin at KEY


@dataclasses.dataclass(frozen=True)
class Windows:
    """The windows whose rows the shards report."""

    # Kept draws whose number lies between the first and the last one, both included, are reported. So are those whose
    # SPLIT hash lies between the two, unless they come after ``last_draw``.
    first_draw: int
    first_hash: int
    last_hash: int
    last_draw: int = MASK64

    @classmethod
    def around(cls, task: Task, widening: int = 1) -> "Windows":
        """The windows that contain both places, except in one run of 10^9; wider by a factor.

        If ``ends_anywhere``, all draws are in the window until it is narrowed.
        """
        total, root = task.num_examples, widening * task.num_examples**0.5
        lowest = max(0.0, (task.num_validation - SPLIT_WIDTH * root) / total)
        highest = (task.num_validation + SPLIT_WIDTH * root) / total
        first_hash, last_hash = int(lowest * 2**64), min(MASK64, int(highest * 2**64))
        if ends_anywhere(task):
            return cls(0, first_hash, last_hash)
        low_rank, high_rank = max(0, int(total - DRAW_WIDTH * root)), int(total + DRAW_WIDTH * root) + 1
        first_draw = coverage.draws_for(task, low_rank) if low_rank else 0
        return cls(first_draw, first_hash, last_hash, coverage.draws_for(task, high_rank))


@dataclasses.dataclass(frozen=True)
class WindowRows:
    """The rows that one shard, or several, have in the windows: draw number, SPLIT hash, words of x and of y each."""

    before_end: int  # how many kept draws come before the draws' window
    before_split: int  # how many have a SPLIT hash before the hashes' window, and do not come after the draws' window
    rows_near_end: np.ndarray  # the rows in the draws' window: uint64 of shape (n, 2 + arity·words)
    rows_near_split: np.ndarray  # the rows in the hashes' window that do not come after the draws' window, likewise


@dataclasses.dataclass(frozen=True)
class Cutoff:
    """The limits up to which kept draws are examples, and examples are in the validation split."""

    last_draw: int  # the number of the N-th kept draw
    # (split hash, x, y) of the last example of the validation split, where (x, y) is the key.
    last_validation: tuple[int, ...]


def ends_anywhere(task: Task) -> bool:
    """Whether the N-th kept draw can be anywhere, because it is not known how often draws repeat."""
    return task.sampler.share < 1


def expected_bytes(task: Task, num_draws: int) -> float:
    """The approximate number of bytes of the rows of all shards in the windows."""
    near_end = num_draws / BUCKETS if ends_anywhere(task) else 2 * DRAW_WIDTH * task.num_examples**0.5
    near_split = 2 * SPLIT_WIDTH * task.num_examples**0.5
    return (near_end + near_split) * 8 * (KEY + task.operation.arity * task.notation.words(task.size))


def counts(num_draws: int, block: bytes) -> np.ndarray:
    """The kept draws of a packed block in each part of the draws: int64 of shape (BUCKETS,)."""
    kept, _, _ = unpack(block)
    return np.bincount((kept // np.uint64(_bucket(num_draws))).view(np.int64), minlength=BUCKETS)


def narrowed(task: Task, windows: Windows, num_draws: int, counted: np.ndarray) -> Windows:
    """The windows with the part that has the N-th kept draw, or the last one, by the sum of all ``counts``."""
    width = _bucket(num_draws)
    part = min(int(np.searchsorted(counted.cumsum(), task.num_examples)), BUCKETS - 1)
    return dataclasses.replace(windows, first_draw=part * width, last_draw=(part + 1) * width - 1)


def find(task: Task, windows: Windows, block: bytes) -> WindowRows:
    """The rows in the windows among the kept draws of a packed block. The few rows are drawn again.

    The windows have the same hashes as those by which the block's splits were foreseen.
    """
    kept, validation, undecided = unpack(block)
    early, within = kept < np.uint64(windows.first_draw), kept <= np.uint64(windows.last_draw)
    return WindowRows(
        before_end=int(np.count_nonzero(early)),
        before_split=int(np.count_nonzero(validation & within)),
        rows_near_end=_rows(task, kept[~early & within]),
        rows_near_split=_rows(task, kept[undecided & within]),
    )


def _rows(task: Task, kept: np.ndarray) -> np.ndarray:
    return np.concatenate([kept[np.newaxis], hashes(task, kept)[1:]]).T


def _bucket(num_draws: int) -> int:
    """The number of draws per part."""
    return -(-num_draws // BUCKETS)


def packed(windows: Windows, kept: np.ndarray) -> bytes:
    """The packed block of the rows that ``dedup.unique`` has kept, with what is foreseen of their splits."""
    return pack(kept[DRAW], *foreseen(windows, kept[SPLIT]))


def foreseen(windows: Windows, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether examples with these SPLIT hashes are in the validation split, and whether that is undecided yet.

    They are before the hashes' window or in it, whatever the cutoff will be: bool of shape (n,) each.
    """
    before = hashes < np.uint64(windows.first_hash)
    return before, ~before & (hashes <= np.uint64(windows.last_hash))


def together(window_rows: Iterable[WindowRows]) -> WindowRows:
    """The rows of several groups of shards as those of one."""
    parts = list(window_rows)
    return WindowRows(
        before_end=sum(part.before_end for part in parts),
        before_split=sum(part.before_split for part in parts),
        rows_near_end=_concatenated([part.rows_near_end for part in parts]),
        rows_near_split=_concatenated([part.rows_near_split for part in parts]),
    )


def cutoff(task: Task, windows: Windows, window_rows: WindowRows) -> Cutoff | None:
    """The cutoff, from the rows of all shards; None if there are fewer than N keys or a window misses."""
    end, split = window_rows.rows_near_end, window_rows.rows_near_split
    last = task.num_examples - 1 - window_rows.before_end
    if not 0 <= last < len(end):
        return None
    last_draw = np.sort(end[:, DRAW])[last]
    surplus = end[end[:, DRAW] > last_draw]
    before = window_rows.before_split - int((surplus[:, SPLIT] < np.uint64(windows.first_hash)).sum())
    candidates = split[split[:, DRAW] <= last_draw].T
    index = task.num_validation - 1 - before
    if not 0 <= index < candidates.shape[1]:
        return None
    arity = task.operation.arity
    order = np.lexsort((*by_significance(list(candidates[KEY:]), arity), candidates[SPLIT]))
    chosen = candidates[:, order[index], np.newaxis]
    key = (numbers.to_ints(number)[0] for number in np.split(chosen[KEY:], arity))
    return Cutoff(int(last_draw), (int(chosen[SPLIT, 0]), *key))


def split(task: Task, block: bytes, cut: Cutoff) -> dict[str, np.ndarray]:
    """The examples among the kept draws of a packed block: from a split to their draws, uint64 (n,), in their order."""
    kept, validation, undecided = unpack(block)
    validation[undecided] = _validation(task, kept[undecided], cut)
    is_example = kept <= np.uint64(cut.last_draw)
    return {"train": kept[is_example & ~validation], "validation": kept[is_example & validation]}


def _validation(task: Task, kept: np.ndarray, cut: Cutoff) -> np.ndarray:
    """Whether the example of each draw number is in the validation set: bool of shape (n,)."""
    result = np.empty(len(kept), bool)
    for rows in draws.blocks(len(kept)):
        key = draws.key(task, *draws.operands(task, kept[rows]))
        result[rows] = in_validation(cut, draws.key_hash(task, draws.SPLIT, key), key)
    return result


def in_validation(cut: Cutoff, hashes: np.ndarray, key: Key) -> np.ndarray:
    """Which examples, given by SPLIT hash and key, are in the validation split; bool of the shape of ``hashes``."""
    last = cut.last_validation
    smaller = hashes <= np.uint64(last[0])
    ties = np.flatnonzero(hashes == np.uint64(last[0]))
    if len(ties):
        of_ties = (numbers.to_ints(number[:, ties]) for number in key)
        smaller[ties] = [key_of_tie <= last[1:] for key_of_tie in zip(*of_ties, strict=True)]
    return smaller


def _concatenated(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several shards; a runner may also combine no shards at all, whose rows have no width yet."""
    wide = [part for part in parts if part.shape[1]]
    return np.concatenate(wide) if wide else np.empty((0, 0), np.uint64)
