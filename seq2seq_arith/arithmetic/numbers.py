"""Whole numbers of any length as columns of words, so that NumPy can work on many of them at once.

A word is 18 decimal digits in a uint64. A column of numbers is a uint64 array of shape (words, n), the least
significant word first; n numbers of at most 18 digits have shape (1, n)::

    12                                      words[0] = 12
    123456789012345678901234567890          words[0] = 345678901234567890    words[1] = 123456789012

Only the most significant word of a sum may exceed 18 digits: it holds the carry as a nineteenth digit, so that adding
numbers of 18 digits takes one word.

>>> a, b = from_ints([10**20, 7], 2), from_ints([1, 10**18], 2)
>>> to_ints(add(a, b))
[100000000000000000001, 1000000000000000007]
>>> to_ints(multiply(a, b, 3))
[100000000000000000000, 7000000000000000000]
"""

import operator
from collections.abc import Iterable, Sequence

import numpy as np

WORD_DIGITS = 18
WORD = 10**WORD_DIGITS
LIMB_DIGITS = 9
LIMB = 10**LIMB_DIGITS

# The number of products of limbs whose sum with a limb fits into 64 bits.
_PRODUCTS = 16


def num_words(digits: int) -> int:
    """The number of words of a number of at most ``digits`` digits."""
    return -(-digits // WORD_DIGITS)


def stack(words: Sequence[np.ndarray]) -> np.ndarray:
    """Words, each uint64 of shape (n,), as columns of numbers; a single word is not copied."""
    return words[0][np.newaxis] if len(words) == 1 else np.stack(words)


def from_ints(values: Iterable[int], words: int = 1) -> np.ndarray:
    """Python integers as numbers: uint64 of shape (words, n)."""
    powers = (WORD**word for word in range(words))
    return np.array([[value // power % WORD for value in values] for power in powers], np.uint64)


def to_ints(numbers: np.ndarray) -> list[int]:
    """Numbers as Python integers."""
    powers = [WORD**word for word in range(len(numbers))]
    return [sum(map(operator.mul, words, powers)) for words in zip(*numbers.tolist(), strict=True)]


def less(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether left < right: bool of shape (n,)."""
    result = left[0] < right[0]
    for a, b in zip(left[1:], right[1:], strict=True):
        result = (a < b) | ((a == b) & result)
    return result


def min_max(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smaller and the larger number of each pair."""
    if len(left) == 1:
        return np.minimum(left, right), np.maximum(left, right)
    swap = less(right, left)
    return np.where(swap, right, left), np.where(swap, left, right)


def add(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left + right, in the same number of words; the last word keeps its carry."""
    total = left + right
    for i in range(len(total) - 1):
        carry = total[i] >= np.uint64(WORD)
        total[i] -= carry * np.uint64(WORD)
        total[i + 1] += carry
    return total


def subtract(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|left - right|, and whether left < right: bool of shape (n,)."""
    negative = less(left, right)
    low, high = min_max(left, right)
    difference = high - low
    for i in range(len(difference) - 1):
        borrow = difference[i] >= np.uint64(WORD)  # it has wrapped below zero
        difference[i] += borrow * np.uint64(WORD)
        difference[i + 1] -= borrow
    return difference, negative


def multiply(left: np.ndarray, right: np.ndarray, words: int) -> np.ndarray:
    """left · right in ``words`` words, which must suffice."""
    if words == 1:
        return left * right
    a, b = _limbs(left), _limbs(right)
    product = np.zeros((max(len(a) + len(b), 2 * words), left.shape[1]), np.uint64)
    for i, limb in enumerate(a):
        product[i : i + len(b)] += limb * b
        if i % _PRODUCTS == _PRODUCTS - 1:
            _carry(product)
    _carry(product)
    return product[0 : 2 * words : 2] + product[1 : 2 * words : 2] * np.uint64(LIMB)


def _limbs(numbers: np.ndarray) -> np.ndarray:
    """Numbers as limbs of nine digits: uint64 of shape (2 * words, n), the least significant first."""
    limbs = np.empty((2 * len(numbers), numbers.shape[1]), np.uint64)
    limbs[1::2] = numbers // np.uint64(LIMB)
    limbs[::2] = numbers - limbs[1::2] * np.uint64(LIMB)
    return limbs


def _carry(limbs: np.ndarray) -> None:
    """Carries all above nine digits of a limb into the next one, in place."""
    for i in range(len(limbs) - 1):
        carry = limbs[i] // np.uint64(LIMB)
        limbs[i] -= carry * np.uint64(LIMB)
        limbs[i + 1] += carry
