"""How many draws a dataset needs, and which datasets would need too many."""

import dataclasses
from collections.abc import Callable

import numpy as np

from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.tasks import MIN_EXAMPLES, Task

MAX_DRAWS = 2**44
MAX_DRAWS_PER_EXAMPLE = 1000

# The draws made exceed the draws needed on average by this many standard deviations, so that a run falls short
# about once in a thousand million.
SIGMAS = 6
# Or, where nearly every key is wanted, by this many keys that are still expected to be missing.
MISSING_KEYS = 0.001


@dataclasses.dataclass(frozen=True)
class KeyClasses:
    """All the keys of a task, in classes of equal probability.

    Attributes:
      count: float64 of shape (classes,): how many keys each class has.
      probability: float64 of shape (classes,): with which one draw has a given key of the class.
    """

    count: np.ndarray
    probability: np.ndarray

    @property
    def total(self) -> int:
        """The number of keys, K."""
        return round(self.count.sum())

    def distinct(self, num_draws: int) -> float:
        """The expected number of distinct keys among so many draws, E(M)."""
        return float(-(self.count * np.expm1(num_draws * self._log_miss())).sum())

    def missing(self, num_draws: int) -> float:
        """K - E(M), exact also where next to nothing is missing."""
        return float((self.count * np.exp(num_draws * self._log_miss())).sum())

    def _log_miss(self) -> np.ndarray:
        """Logarithm of the probability that one draw misses a key; finite also for a key that is always drawn."""
        return np.log1p(-np.minimum(self.probability, 1 - 2**-53))


def key_classes(task: Task) -> KeyClasses:
    """The keys of a task by how probable they are: a pair of lengths, and whether its operands are equal."""
    count, probability = _values(task)
    if task.ordered:
        return KeyClasses(np.outer(count, count).ravel(), np.outer(probability, probability).ravel())
    rows, columns = np.triu_indices(len(count), k=1)
    return KeyClasses(
        np.concatenate([count[rows] * count[columns], count * (count - 1) / 2, count]),
        np.concatenate([2 * probability[rows] * probability[columns], 2 * probability**2, probability**2]),
    )


def class_lengths(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The digits of the shorter and of the longer operand of each class of ``key_classes``; of dashes, 1 and 1."""
    lengths = 1 + np.arange(len(_values(task)[0]))
    if task.ordered:
        left, right = (side.ravel() for side in np.meshgrid(lengths, lengths, indexing="ij"))
        return np.minimum(left, right), np.maximum(left, right)
    rows, columns = np.triu_indices(len(lengths), k=1)
    return np.concatenate([lengths[rows], lengths, lengths]), np.concatenate([lengths[columns], lengths, lengths])


def num_draws(task: Task) -> int:
    """How many draws are made for the dataset: enough to hold its N distinct keys, but for one run in 10^9.

    Raises:
      InputError: There are not that many keys, or finding them would take too many draws.
    """
    draws = _draws_for(key_classes(task), task.num_examples)
    if draws > draws_limit(task.num_examples):
        raise InputError(_too_many(task))
    return draws


def draws_for(task: Task, num_keys: int) -> int:
    """The fewest draws that are expected to have so many distinct keys."""
    classes = key_classes(task)
    return _last(lambda draws: classes.distinct(draws) < num_keys, MAX_DRAWS) + 1


def draws_limit(num_examples: int) -> int:
    """More draws than these are not practical."""
    return min(MAX_DRAWS, MAX_DRAWS_PER_EXAMPLE * num_examples)


def largest_practical(task: Task) -> int:
    """The largest N for which the dataset can be drawn; 0 if there is none."""
    classes = key_classes(task)
    most = min(classes.total, MAX_DRAWS)
    return _last(lambda n: _draws_for(classes, n) <= draws_limit(n), most)


def _draws_for(classes: KeyClasses, num_examples: int) -> int:
    """The smallest M with E(M) ≥ N + 6·√N, or ≥ K - 0.001 where that is less; beyond the limit if N > K."""
    if num_examples > classes.total:
        return MAX_DRAWS + 1
    wanted = num_examples + SIGMAS * num_examples**0.5

    def short(draws: int) -> bool:
        return classes.distinct(draws) < wanted and classes.missing(draws) > MISSING_KEYS

    return _last(short, MAX_DRAWS) + 1


def _values(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """How many values an operand has in each class, and the probability of one of them."""
    digits = task.digits
    if task.operation.notation == "dashes":
        return np.array([float(digits)]), np.array([1 / digits])
    lengths = np.arange(1, digits + 1)
    count = 9 * 10.0 ** (lengths - 1)
    count[0] = 10  # 0 is written with one digit
    # A value is drawn at its shortest length, and at any greater one with zeros in front.
    by_length = 1 / (digits * 10.0**lengths)
    return count, by_length[::-1].cumsum()[::-1]


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` for which a condition holds that, once false, stays false; 0 if none."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _too_many(task: Task) -> str:
    most = largest_practical(task)
    unit = "dashes" if task.operation.notation == "dashes" else "digits"
    where = f"{task.name} of at most {task.digits} {unit}"
    if most < MIN_EXAMPLES:
        return f"{where} has too few keys for any dataset of at least {MIN_EXAMPLES} examples; give more {unit}"
    return (
        f"num_examples is {task.num_examples}, but for {where} at most {most} are practical; give fewer, or more {unit}"
    )
