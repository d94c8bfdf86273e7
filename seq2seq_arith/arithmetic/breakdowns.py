"""Groups of examples by what makes them hard: functions from the operands of each example to its group.

Operands are columns of words as in ``seq2seq_arith.arithmetic.numbers``.

>>> left, right = numbers.from_ints([999, 5505]), numbers.from_ints([1, 5505])
>>> carries(left, right).tolist(), longest_carries(left, right).tolist()
([3, 3], [3, 2])
"""

from collections.abc import Iterator

import numpy as np

from seq2seq_arith.arithmetic import numbers

SINGLE_LENGTHS = 9
RANGES = 5


def carries(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The number of carries in left + right: int64 of shape (n,)."""
    return sum(_carried(left, right), np.zeros(left.shape[1], np.int64))


def longest_carries(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The length of the longest carry chain in left + right, in digit positions: int64 of shape (n,)."""
    longest = chain = np.zeros(left.shape[1], np.int64)
    for carry in _carried(left, right):
        chain = (chain + 1) * carry
        longest = np.maximum(longest, chain)
    return longest


def borrows(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The number of borrows in the larger operand minus the smaller one: int64 of shape (n,)."""
    return carries(*_added_back(left, right))


def longest_borrows(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The length of the longest borrow chain in the larger operand minus the smaller one: int64 of shape (n,)."""
    return longest_carries(*_added_back(left, right))


def sign(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether left - right is ``negative``, ``zero`` or ``positive``: strings of shape (n,)."""
    negative, positive = numbers.less(left, right), numbers.less(right, left)
    return np.array(["negative", "zero", "positive"])[1 + positive.astype(int) - negative]


def ranges(longest: int, values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Groups the lengths 1 to ``longest``: each alone, or in ``RANGES`` ranges if there are over ``SINGLE_LENGTHS``.

    >>> ranges(12, np.array([1, 2, 3, 12]))
    ([' 1- 2', ' 3- 4', ' 5- 7', ' 8- 9', '10-12'], array([0, 0, 1, 4]))

    Returns the names of the ranges, and the index of the range of each value.
    """
    if longest <= SINGLE_LENGTHS:
        return [str(length) for length in range(1, longest + 1)], values - 1
    ends = np.array([longest * (n + 1) // RANGES for n in range(RANGES)])
    digits = len(str(longest))
    starts = np.concatenate([[0], ends[:-1]]) + 1
    names = [f"{start:{digits}d}-{end:{digits}d}" for start, end in zip(starts, ends, strict=True)]
    return names, np.searchsorted(ends, values)


def _carried(left: np.ndarray, right: np.ndarray) -> Iterator[np.ndarray]:
    """For each digit position of left + right, units first: 1 if it carries, otherwise 0; int64 of shape (n,)."""
    ten, carry = np.uint64(10), np.zeros(left.shape[1], np.uint64)
    for a, b in zip(left, right, strict=True):
        for place in range(numbers.WORD_DIGITS):
            power = np.uint64(10**place)
            carry = (a // power % ten + b // power % ten + carry) // ten
            yield carry.astype(np.int64)


def _added_back(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The difference and the smaller operand, whose sum carries where the difference borrows."""
    difference, _ = numbers.subtract(left, right)
    return difference, numbers.min_max(left, right)[0]
