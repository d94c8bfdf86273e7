"""The number of draws that a dataset needs, and the datasets that would need too many."""

import bisect
import dataclasses
from collections.abc import Callable, Collection

import numpy as np

from seq2seq_arith.arithmetic.operations import MIN_EXAMPLES
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, shown

MAX_DRAWS = 2**44
MAX_DRAWS_PER_EXAMPLE = 1000

# The number of draws exceeds the number needed on average by this many standard deviations, so that a run falls short
# about once in a thousand million.
SIGMAS = 6
LARGE_ENOUGH = 20  # every task of this size has enough keys for the smallest dataset
# Or, where nearly every key is required, so many that this number of keys is expected to be missing.
MISSING_KEYS = 0.001
RAREST, MAX_KEYS = 1e-40, 1e300

# A draw with unknown probabilities is counted as this many draws with known ones. It decides which datasets are
# practical.
UNKNOWN_DRAWS = 0.8
# The same for a run, which starts again if it falls short: a lower bound of the value measured for structured draws
# that have up to half of all keys (0.70 to 0.99 for 4 to 18 digits, less for more of the keys).
UNKNOWN_DRAWS_OF_A_RUN = 0.68


@dataclasses.dataclass(frozen=True)
class KeyClasses:
    """All keys of a task, in classes of equal probability."""

    total: int  # number of keys, K
    share: float  # the share of the draws with these probabilities; those of the others are unknown
    count: np.ndarray  # number of keys of each class: float64 (classes,)
    probability: np.ndarray  # of one key of each class: float64 (classes,)
    unknown: float = UNKNOWN_DRAWS  # number of draws with these probabilities that one of the others is counted as

    def distinct(self, num_draws: float) -> float:
        """The expected number of distinct keys among M draws, E(M); an estimate if ``share`` is not 1."""
        return float(-(self.count * np.expm1(self._log_missed(num_draws))).sum())

    def missing(self, num_draws: float) -> float:
        """K - E(M), exact also where almost nothing is missing; an estimate if ``share`` is not 1."""
        return float((self.count * np.exp(self._log_missed(num_draws))).sum())

    def _log_missed(self, num_draws: float) -> np.ndarray:
        """Logarithm of the probability that all draws miss a key; finite also for a key that is always drawn."""
        effective_draws = num_draws * (self.share + (1 - self.share) * self.unknown)
        return effective_draws * np.log1p(-np.minimum(self.probability, 1 - 2**-53))


def key_classes(task: Task) -> KeyClasses:
    """The keys of a task in classes of equal probability: by their lengths, and by whether the operands are equal."""
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
    """The classes of ``arity`` ordered operands, from those of one operand; those of equal probability are joined."""
    counts, shares = np.ones(1), np.ones(1)
    for _ in range(arity):
        shares = np.outer(shares, count * probability).ravel()
        with np.errstate(over="ignore"):
            counts = np.minimum(np.outer(counts, count).ravel(), MAX_KEYS)
        # Keys as rare as these are never drawn twice, so their exact probability does not matter.
        _, group = np.unique(np.log(np.maximum(shares / counts, RAREST)).round(9), return_inverse=True)
        shares, counts = np.bincount(group, shares), np.bincount(group, counts)
    return counts, shares / counts


def num_draws(task: Task) -> int:
    """Draws that contain N distinct keys, except in one run of 10^9; a first guess if probabilities are unknown."""
    if not _is_practical(task):
        raise InputError(_too_many(task))
    classes = dataclasses.replace(key_classes(task), unknown=UNKNOWN_DRAWS_OF_A_RUN)
    return min(_draws_for(classes, task.num_examples), draws_limit(task.num_examples))


def draws_for(task: Task, num_keys: int) -> int:
    """The smallest number of draws that is expected to contain ``num_keys`` distinct keys."""
    classes = key_classes(task)
    return _last(lambda draws: classes.distinct(draws) < num_keys, MAX_DRAWS) + 1


def draws_limit(num_examples: int) -> int:
    """The maximum number of draws that is practical."""
    return min(MAX_DRAWS, MAX_DRAWS_PER_EXAMPLE * num_examples)


def check_draws(task: Task, draws: int) -> None:
    """Raises InputError if this many draws did not suffice, as when a custom sampler counts too many pairs."""
    if draws > min(32 * num_draws(task), 2 * draws_limit(task.num_examples)):
        raise InputError(
            f"{draws:,} draws of {task.description} do not contain {task.num_examples:,} different questions, although "
            f"the num_values of its sampler promises them; give fewer examples, or {task.notation.larger}"
        )


def largest_practical(task: Task) -> int:
    """The largest N for which the dataset can be drawn; 0 if there is none."""
    classes = key_classes(task)
    maximum = min(classes.total, MAX_DRAWS)
    return _last(lambda n: _draws_for(classes, n) <= draws_limit(n), maximum)


def fitted(task: Task, explicit: Collection[str] = ()) -> Task:
    """The task with the largest practical number of examples, if its own is not practical and only a default.

    ``explicit`` has the names of the parameters that were given explicitly.

    >>> fitted(Task("pq", size=20)).config_name
    'pq-d20-n210'
    """
    if "num_examples" in explicit or _is_practical(task):
        return task
    maximum = largest_practical(task)
    if maximum < MIN_EXAMPLES:
        return task  # num_draws raises InputError
    num_validation = task.num_validation if "num_validation" in explicit else None
    return dataclasses.replace(task, num_examples=maximum, num_validation=num_validation)


def _is_practical(task: Task) -> bool:
    return _draws_for(key_classes(task), task.num_examples) <= draws_limit(task.num_examples)


def _draws_for(classes: KeyClasses, num_examples: int) -> int:
    """The smallest M with E(M) ≥ N + 6·√N, or ≥ K - 0.001 if that is less; above the limit if N > K."""
    if num_examples > min(classes.total, MAX_DRAWS):
        return MAX_DRAWS + 1
    target = num_examples + SIGMAS * num_examples**0.5

    def short(draws: int) -> bool:
        return classes.distinct(draws) < target and classes.missing(draws) > MISSING_KEYS

    return _last(short, MAX_DRAWS) + 1


def _last(condition: Callable[[int], bool], maximum: int) -> int:
    """The largest number up to ``maximum`` with a condition that, once false, stays false; 0 if there is none."""
    return bisect.bisect_left(range(1, maximum + 1), True, key=lambda number: not condition(number))


def _too_many(task: Task) -> str:
    maximum, larger = largest_practical(task), task.notation.larger
    if maximum < MIN_EXAMPLES:
        max_size = min(task.operation.max_size, LARGE_ENOUGH)
        larger_tasks = (dataclasses.replace(task, size=size) for size in range(task.size + 1, max_size + 1))
        min_size = next((bigger.size for bigger in larger_tasks if largest_practical(bigger) >= MIN_EXAMPLES), None)
        advice = f"give {larger}, at least {min_size}" if min_size else "let its sampler draw more"
        return (
            f"{task.description} has too few different questions for any dataset of at least {MIN_EXAMPLES} examples; "
            f"{advice}"
        )
    largest = dataclasses.replace(task, size=task.operation.max_size)
    otherwise = f", or {larger}" if _is_practical(largest) else ""
    if maximum == key_classes(task).total:
        limit = f"{task.description} has only {maximum} different questions"
    else:
        limit = f"for {task.description} at most {maximum} are practical"
    return f"num_examples is {shown(task.num_examples)}, but {limit}; give fewer{otherwise}"
