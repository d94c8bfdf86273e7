"""Random words: SplitMix64 as a function of a seed and a position, on whole arrays.

All arithmetic is on unsigned 64-bit integers, modulo 2^64.
"""

import numpy as np

MASK64 = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
MULTIPLIERS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix64(z: np.ndarray) -> np.ndarray:
    """SplitMix64's output function (Steele, Lea, Flood, OOPSLA 2014). Overwrites ``z`` and returns it."""
    shifted = z >> np.uint64(30)
    z ^= shifted
    z *= np.uint64(MULTIPLIERS[0])
    z ^= np.right_shift(z, np.uint64(27), out=shifted)
    z *= np.uint64(MULTIPLIERS[1])
    z ^= np.right_shift(z, np.uint64(31), out=shifted)
    return z


def mix64_int(z: int) -> int:
    """``mix64`` of one Python integer.

    >>> hex(mix64_int(GOLDEN))
    '0xe220a8397b1dcdaf'
    """
    z &= MASK64
    z = (z ^ z >> 30) * MULTIPLIERS[0] & MASK64
    z = (z ^ z >> 27) * MULTIPLIERS[1] & MASK64
    return z ^ z >> 31


def absorb(z: np.ndarray | np.uint64, value: np.ndarray) -> np.ndarray:
    """The hash ``z`` after one more word: uint64 of the shape of ``value``."""
    mixed = value ^ z
    mixed += np.uint64(GOLDEN)
    return mix64(mixed)


def uniform(words: np.ndarray, bound: np.ndarray | int) -> np.ndarray:
    """⌊word·bound / 2^64⌋ exactly, for bounds below 2^32: a number below ``bound`` (or 0 where the bound is 0)."""
    bound = np.asarray(bound, np.uint64)
    product = words & np.uint64(0xFFFFFFFF)
    product *= bound
    product >>= np.uint64(32)
    product += (words >> np.uint64(32)) * bound
    product >>= np.uint64(32)
    return product


class Words:
    """The random words of some draws, uint64 (n,); each has ``size`` consecutive words of the stream of a seed."""

    def __init__(self, seed: int, draws: np.ndarray, size: int) -> None:
        # Word k is mix64(seed + (k + 1)·GOLDEN), and draw i begins at word size·i.
        self._start = draws * np.uint64(size * GOLDEN & MASK64)
        self._start += np.uint64(seed + GOLDEN & MASK64)

    def __getitem__(self, index: int) -> np.ndarray:
        """Word ``index`` of each draw: uint64 of shape (n,)."""
        return mix64(self._start + np.uint64(index * GOLDEN & MASK64))

    def take(self, rows: np.ndarray) -> "Words":
        """The words of some of the draws."""
        taken = object.__new__(Words)
        taken._start = self._start[rows]
        return taken
