"""Drops draws of short numbers where they are made, if an early draw had the same pair.

A length is drawn before its digits, so the few pairs of short numbers are drawn over and over: one draw in 2000 of
seven digits is 3+5. All draws of a pair meet in one shard, which they would overload, and nearly all of them are
duplicates. The first draws of each short pair are a function of the task. Every worker computes them for itself and
drops later draws of the same pair: the shard would drop exactly the same draws.
"""

import dataclasses
import functools
import threading

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers
from seq2seq_arith.arithmetic.draws import Key
from seq2seq_arith.arithmetic.task import Task

# The short pairs have at most five digits together, and the smaller operand has at most two.
SMALL, LARGE = (10, 100), (10_000, 1_000)
PAIRS = SMALL[0] * LARGE[0] + SMALL[1] * LARGE[1]
# Larger than any draw number, so that a pair that no early draw has is never "repeated".
NEVER = 2**64 - 1

# One draw in SHARE is searched first, MOST at the most, once in each process: this takes less than a second.
SHARE, MOST = 16, 2**24

_making = threading.Lock()


@dataclasses.dataclass(frozen=True)
class FirstDraws:
    """Where the early draws have each short pair."""

    draw: np.ndarray  # uint64, for each short pair the number of its first draw, or ``NEVER``

    def repeated(self, task: Task, draw_numbers: np.ndarray, key: Key) -> np.ndarray:
        """Which of the draws with these numbers and keys have a short pair that an earlier draw had; bool."""
        places, pairs = short_pairs(task, key)
        result = np.zeros(len(draw_numbers), bool)
        result[places] = self.draw[pairs] < draw_numbers[places]
        return result


def early_draws(task: Task, num_draws: int) -> int:
    """How many draws, from the first, are searched for short pairs; 0 if the task does not draw them often."""
    return min(MOST, num_draws // SHARE) if task.drawing.has_short_pairs and task.operation.arity == 2 else 0


def first_draws(task: Task, count: int) -> FirstDraws:
    """Where the first ``count`` draws have each short pair; found once in each process."""
    with _making:  # by one thread, for which the others wait
        return _first_draws(task, count)


def short_pairs(task: Task, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Which of the keys are short pairs, as ascending places, and the number of each one's pair: two int64 arrays."""
    small, large = numbers.min_max(*key) if task.ordered else key
    places = np.flatnonzero(large[0] < np.uint64(LARGE[0]))
    for word in large[1:]:
        places = places[word[places] == 0]
    x, y = small[0][places].view(np.int64), large[0][places].view(np.int64)
    one_digit = x < SMALL[0]
    short = one_digit | ((x < SMALL[1]) & (y < LARGE[1]))
    x, y, one_digit, places = x[short], y[short], one_digit[short], places[short]
    pairs = np.where(one_digit, x * LARGE[0], SMALL[0] * LARGE[0] + x * LARGE[1]) + y
    if task.ordered:
        pairs += PAIRS * (key[0][0][places] > key[1][0][places])
    return places, pairs


def is_short(task: Task, shorter: np.ndarray, longer: np.ndarray) -> np.ndarray:
    """Whether pairs of operands with so many digits are short pairs that are drawn often; bool."""
    short = ((shorter == 1) & (longer <= 4)) | ((shorter == 2) & (longer <= 3))
    return task.drawing.has_short_pairs & short


@functools.lru_cache(maxsize=2)
def _first_draws(task: Task, count: int) -> FirstDraws:
    draw = np.full(2 * PAIRS if task.ordered else PAIRS, NEVER, np.uint64)
    for block in draws.blocks(count):
        draw_numbers = np.arange(block.start, block.stop, dtype=np.uint64)
        places, pairs = short_pairs(task, draws.key(task, *draws.operands(task, draw_numbers)))
        np.minimum.at(draw, pairs, draw_numbers[places])
    return FirstDraws(draw)
