"""How many draws a dataset needs, and which datasets would need too many."""

import bisect
import dataclasses
from collections.abc import Callable, Collection

import numpy as np

from seq2seq_arith.arithmetic.operations import MIN_EXAMPLES
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, shown

MAX_DRAWS = 2**44
MAX_DRAWS_PER_EXAMPLE = 1000

# The draws made exceed the draws needed on average by this many standard deviations, so that a run falls short
# about once in a thousand million.
SIGMAS = 6
LARGE_ENOUGH = 20  # every task of this size has enough keys for the smallest dataset
# Or, where nearly every key is wanted, by this many keys that are still expected to be missing.
MISSING_KEYS = 0.001
RAREST, MOST_KEYS = 1e-40, 1e300

# Draws of which nothing is known are taken to bring this many new keys as the same number of draws whose classes are
# known. It decides which datasets are practical.
UNKNOWN_DRAWS = 0.8
# The same for a run, which does everything again if it falls short: at least what structured draws bring up to half of
# all keys (0.70 to 0.99 for 4 to 18 digits, less for more of the keys).
UNKNOWN_DRAWS_OF_A_RUN = 0.68


@dataclasses.dataclass(frozen=True)
class KeyClasses:
    """All the keys of a task, in classes of equal probability."""

    total: int  # how many keys there are, K
    share: float  # the part of the draws for which this holds; the others have keys with unknown probabilities
    count: np.ndarray  # how many keys each class has: float64 (classes,)
    probability: np.ndarray  # of one key of each class: float64 (classes,)
    unknown: float = UNKNOWN_DRAWS  # how many draws with these probabilities one of the other draws stands for

    def distinct(self, num_draws: float) -> float:
        """The expected number of distinct keys among so many draws, E(M); estimated if ``share`` is not 1."""
        return float(-(self.count * np.expm1(self._log_missed(num_draws))).sum())

    def missing(self, num_draws: float) -> float:
        """K - E(M), exact also where next to nothing is missing; estimated if ``share`` is not 1."""
        return float((self.count * np.exp(self._log_missed(num_draws))).sum())

    def _log_missed(self, num_draws: float) -> np.ndarray:
        """Logarithm of the probability that all draws miss a key; finite also for a key that is always drawn."""
        known = num_draws * (self.share + (1 - self.share) * self.unknown)
        return known * np.log1p(-np.minimum(self.probability, 1 - 2**-53))


def key_classes(task: Task) -> KeyClasses:
    """The keys of a task by how probable they are: a pair of lengths, and whether its operands are equal."""
    count, probability = task.sampler.values(task.size)
    values, share = task.sampler.num_values(task.size), task.sampler.share
    if task.operation.arity != 2:
        return KeyClasses(values**task.operation.arity, share, *_of_all(count, probability, task.operation.arity))
    if task.ordered:
        return KeyClasses(values**2, share, np.outer(count, count).ravel(), np.outer(probability, probability).ravel())
    rows, columns = np.triu_indices(len(count), k=1)
    return KeyClasses(
        values * (values + 1) // 2,
        share,
        np.concatenate([count[rows] * count[columns], count * (count - 1) / 2, count]),
        np.concatenate([2 * probability[rows] * probability[columns], 2 * probability**2, probability**2]),
    )


def _of_all(count: np.ndarray, probability: np.ndarray, arity: int) -> tuple[np.ndarray, np.ndarray]:
    """The classes of several operands in their order, from those of one; classes of one probability are joined."""
    counts, shares = np.ones(1), np.ones(1)
    for _ in range(arity):
        shares = np.outer(shares, count * probability).ravel()
        with np.errstate(over="ignore"):
            counts = np.minimum(np.outer(counts, count).ravel(), MOST_KEYS)
        # No key that is so rare is drawn twice, so that it does not matter how rare it is.
        _, group = np.unique(np.log(np.maximum(shares / counts, RAREST)).round(9), return_inverse=True)
        shares, counts = np.bincount(group, shares), np.bincount(group, counts)
    return counts, shares / counts


def num_draws(task: Task) -> int:
    """How many draws hold N distinct keys, except in one run of 10^9; a first guess where chances are not known."""
    if not _is_practical(task):
        raise InputError(_too_many(task))
    classes = dataclasses.replace(key_classes(task), unknown=UNKNOWN_DRAWS_OF_A_RUN)
    return min(_draws_for(classes, task.num_examples), draws_limit(task.num_examples))


def draws_for(task: Task, num_keys: int) -> int:
    """The fewest draws that are expected to have so many distinct keys."""
    classes = key_classes(task)
    return _last(lambda draws: classes.distinct(draws) < num_keys, MAX_DRAWS) + 1


def draws_limit(num_examples: int) -> int:
    """More draws than these are not practical."""
    return min(MAX_DRAWS, MAX_DRAWS_PER_EXAMPLE * num_examples)


def check_draws(task: Task, draws: int) -> None:
    """Raises InputError if so many draws did not suffice, as where a drawing of one's own counts too many pairs."""
    if draws > min(32 * num_draws(task), 2 * draws_limit(task.num_examples)):
        raise InputError(
            f"{draws:,} draws of {task.description} do not have {task.num_examples:,} different questions, as the "
            f"num_values of its drawing says; give fewer examples, or {task.notation.larger}"
        )


def largest_practical(task: Task) -> int:
    """The largest N for which the dataset can be drawn; 0 if there is none."""
    classes = key_classes(task)
    most = min(classes.total, MAX_DRAWS)
    return _last(lambda n: _draws_for(classes, n) <= draws_limit(n), most)


def fitted(task: Task, given: Collection[str] = ()) -> Task:
    """The task with the largest number of examples that is practical, if its own is not and nobody gave it.

    >>> fitted(Task("pq", size=20)).config_name
    'pq-d20-n210'
    """
    if "num_examples" in given or _is_practical(task):
        return task
    most = largest_practical(task)
    if most < MIN_EXAMPLES:
        return task  # num_draws refuses it
    num_validation = task.num_validation if "num_validation" in given else None
    return dataclasses.replace(task, num_examples=most, num_validation=num_validation)


def _is_practical(task: Task) -> bool:
    return _draws_for(key_classes(task), task.num_examples) <= draws_limit(task.num_examples)


def _draws_for(classes: KeyClasses, num_examples: int) -> int:
    """The smallest M with E(M) ≥ N + 6·√N, or ≥ K - 0.001 where that is less; beyond the limit if N > K."""
    if num_examples > min(classes.total, MAX_DRAWS):
        return MAX_DRAWS + 1
    wanted = num_examples + SIGMAS * num_examples**0.5

    def short(draws: int) -> bool:
        return classes.distinct(draws) < wanted and classes.missing(draws) > MISSING_KEYS

    return _last(short, MAX_DRAWS) + 1


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` for which a condition holds that, once false, stays false; 0 if none."""
    return bisect.bisect_left(range(1, most + 1), True, key=lambda number: not holds(number))


def _too_many(task: Task) -> str:
    most, larger = largest_practical(task), task.notation.larger
    if most < MIN_EXAMPLES:
        max_size = min(task.operation.max_size, LARGE_ENOUGH)
        larger_tasks = (dataclasses.replace(task, size=size) for size in range(task.size + 1, max_size + 1))
        least = next((each.size for each in larger_tasks if largest_practical(each) >= MIN_EXAMPLES), None)
        advice = f"give {larger}, at least {least}" if least else "let it draw more"
        return (
            f"{task.description} has too few different questions for any dataset of at least {MIN_EXAMPLES} examples; "
            f"{advice}"
        )
    largest = dataclasses.replace(task, size=task.operation.max_size)
    otherwise = f", or {larger}" if _is_practical(largest) else ""
    if most == key_classes(task).total:
        limit = f"{task.description} has only {most} different questions"
    else:
        limit = f"for {task.description} at most {most} are practical"
    return f"num_examples is {shown(task.num_examples)}, but {limit}; give fewer{otherwise}"
