"""Keyed pseudo-random permutations that need no memory: any place of an order can be asked for alone."""

import dataclasses
import functools

import numpy as np

from seq2seq_arith.arithmetic.splitmix import GOLDEN, mix64, mix64_int, uniform

ROUNDS = 4


def combined(*words: int) -> int:
    """One 64-bit key made of several numbers."""
    key = 0
    for word in words:
        key = mix64_int((key ^ word) + GOLDEN)
    return key


@dataclasses.dataclass(frozen=True)
class Permutation:
    """An order of the numbers from 0 to ``size - 1``, which is a function of the key.

    It is a Feistel network on a grid of ``height * width`` cells, which are at least ``size``. A round shifts each row
    or each column by an amount that a hash of the row or the column gives, so no two cells meet::

        index = left * width + right
        left  = (left  + hash_0(right)) mod height
        right = (right + hash_1(left))  mod width        and so on, ``ROUNDS`` times

    A cell at or above ``size`` is mapped again until it is below ("cycle walking"): Black, Rogaway, "Ciphers with
    Arbitrary Finite Domains", 2002. That ends, for the cycle of a number below ``size`` returns to that number.

    >>> sorted(Permutation(5, key=1)(np.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """

    size: int  # how many numbers there are, at least 1, below 2^52
    key: int  # from 0 to 2^64 - 1

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The numbers at places of the order, both from 0 to ``size - 1``: int64 [n]."""
        cells = np.asarray(places, np.int64)
        cells = self._moved(cells)
        while np.any(outside := cells >= self.size):
            cells[outside] = self._moved(cells[outside])
        return cells

    def _moved(self, cells: np.ndarray) -> np.ndarray:
        left = cells // self._width
        right = cells - left * self._width
        for number in range(0, ROUNDS, 2):
            left = _wrapped(left + self._shifts[number][right], self._height)
            right = _wrapped(right + self._shifts[number + 1][left], self._width)
        return left * self._width + right

    @functools.cached_property
    def _width(self) -> int:
        return int(np.ceil(np.sqrt(self.size)))

    @functools.cached_property
    def _height(self) -> int:
        return -(-self.size // self._width)

    @functools.cached_property
    def _shifts(self) -> list[np.ndarray]:
        """For each round, the shift of each row or column, less the number that it is taken modulo: int64, negative."""
        shifts = []
        for number in range(ROUNDS):
            rows, modulus = (self._width, self._height)[:: 1 - 2 * (number % 2)]
            words = np.arange(rows, dtype=np.uint64) + np.uint64(combined(self.key, number))
            shifts.append(uniform(mix64(words), modulus).astype(np.int64) - modulus)
        return shifts


def _wrapped(values: np.ndarray, modulus: int) -> np.ndarray:
    """Values from ``-modulus`` to ``modulus - 1`` modulo that number."""
    return values + (modulus & (values >> 63))
