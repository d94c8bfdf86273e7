"""Draws of short numbers, dropped where they are made if an early draw had the same pair.

A length is drawn before its digits, so the few pairs of short numbers are drawn over and over: 3+5 is one draw in 2000
of seven digits. All draws of a pair meet in one shard, which would drown in them, and nearly all are duplicates. Which
pairs of short numbers the first few draws have, and where, is a function of the task, so every worker finds it out for
itself, and drops what comes later: exactly what would be dropped in the shard.
"""

import dataclasses
import functools
import threading

import numpy as np

from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.tasks import Task

# The short pairs: of at most five digits together, of which the smaller has at most two.
SMALL, LARGE = (10, 100), (10_000, 1_000)
PAIRS = SMALL[0] * LARGE[0] + SMALL[1] * LARGE[1]
# After every draw, also after those of a run of more than 2^32.
NEVER = 2**64 - 1

# So many of the draws are looked at first, once in each process: less than a second's work.
SHARE, MOST = 16, 2**24

_making = threading.Lock()


@dataclasses.dataclass(frozen=True)
class FirstDraws:
    """Where the early draws have each short pair.

    Attributes:
      draw: uint64, for each short pair the number of its first draw, or ``NEVER``.
    """

    draw: np.ndarray

    def repeated(self, task: Task, numbers: np.ndarray, key: d.Key) -> np.ndarray:
        """Which of the draws with these numbers and keys have a short pair that an earlier draw had; bool."""
        places, pairs = short_pairs(task, key)
        result = np.zeros(len(numbers), bool)
        result[places] = self.draw[pairs] < numbers[places]
        return result


def early_draws(task: Task, num_draws: int) -> int:
    """How many draws, from the first, are searched for short pairs; dashes have none, all counts are as likely."""
    return 0 if task.operation.notation == "dashes" else min(MOST, num_draws // SHARE)


def first_draws(task: Task, count: int) -> FirstDraws:
    """Where the first ``count`` draws have each short pair; found once in each process."""
    with _making:  # by one thread, for which the others wait
        return _first_draws(task, count)


def short_pairs(task: Task, key: d.Key) -> tuple[np.ndarray, np.ndarray]:
    """Which of the keys are short pairs, as ascending places, and the number of each one's pair: two int64 arrays."""
    x, y = key
    if task.ordered:
        x, y = np.minimum(x, y), np.maximum(x, y)
    places = np.flatnonzero(y < np.uint64(LARGE[0]))
    x, y = x[places].view(np.int64), y[places].view(np.int64)
    one_digit = x < SMALL[0]
    short = one_digit | ((x < SMALL[1]) & (y < LARGE[1]))
    x, y, one_digit, places = x[short], y[short], one_digit[short], places[short]
    pairs = np.where(one_digit, x * LARGE[0], SMALL[0] * LARGE[0] + x * LARGE[1]) + y
    if task.ordered:
        pairs += PAIRS * (key[0][places] > key[1][places])
    return places, pairs


def is_short(task: Task, shorter: np.ndarray, longer: np.ndarray) -> np.ndarray:
    """Whether pairs of operands with so many digits are short pairs; bool."""
    decimal = task.operation.notation == "decimal"
    return decimal & (((shorter == 1) & (longer <= 4)) | ((shorter == 2) & (longer <= 3)))


@functools.lru_cache(maxsize=2)
def _first_draws(task: Task, count: int) -> FirstDraws:
    draw = np.full(2 * PAIRS if task.ordered else PAIRS, NEVER, np.uint64)
    for block in d.blocks(count):
        numbers = np.arange(block.start, block.stop, dtype=np.uint64)
        places, pairs = short_pairs(task, d.key(task, *d.operands(task, numbers)))
        np.minimum.at(draw, pairs, numbers[places])
    return FirstDraws(draw)
