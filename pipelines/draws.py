"""From the number of a draw to its operands, its key and its hashes: pure functions on uint64 arrays.

All arithmetic is modulo 2^64. Nothing here depends on how the draws are cut into chunks, so neither does the data.
"""

import functools
from collections.abc import Iterator

import numpy as np

from seq2seq_arith.pipelines.tasks import Task

MASK64 = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
LIMB_DIGITS = 9

# What a key is hashed for: the first number of the contract's key_hash.
ORDER, SPLIT = 1, 2

# Draws that are worked on at once: arrays of 256 KB stay in a core's own cache.
BLOCK = 2**15

Key = tuple[np.ndarray, np.ndarray]


def mix64(z: np.ndarray) -> np.ndarray:
    """SplitMix64's output function (Steele, Lea, Flood, OOPSLA 2014). Overwrites ``z``, and returns it."""
    shifted = z >> np.uint64(30)
    z ^= shifted
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= np.right_shift(z, np.uint64(27), out=shifted)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= np.right_shift(z, np.uint64(31), out=shifted)
    return z


def mix64_int(z: int) -> int:
    """``mix64`` of one Python integer."""
    return int(mix64(np.array([z & MASK64], np.uint64))[0])


def uniform(words: np.ndarray, bound: np.ndarray | int) -> np.ndarray:
    """⌊word·bound / 2^64⌋ exactly, for bounds below 2^32: a number below ``bound`` (or 0 where it is 0)."""
    bound = np.asarray(bound, np.uint64)
    product = words & np.uint64(0xFFFFFFFF)
    product *= bound
    product >>= np.uint64(32)
    product += (words >> np.uint64(32)) * bound
    product >>= np.uint64(32)
    return product


def num_words(task: Task) -> int:
    """Words of SplitMix64 that one operand owns, W."""
    return 1 if task.operation.notation == "dashes" else 1 + -(-task.digits // LIMB_DIGITS)


def operands(task: Task, draws: np.ndarray) -> Key:
    """The left and right operands of the draws with these numbers; all arrays are uint64 of one shape."""
    size = num_words(task)
    # Word n is mix64(seed + (n + 1)·GOLDEN), and draw i begins at word 2·W·i.
    start = draws * np.uint64(2 * size * GOLDEN & MASK64)
    start += np.uint64(task.seed + GOLDEN & MASK64)
    read = _dashes if task.operation.notation == "dashes" else _number
    return read(task, start, 0), read(task, start, size)


def key(task: Task, left: np.ndarray, right: np.ndarray) -> Key:
    """What makes two draws duplicates: (min, max) of the operands, or (left, right) if the key is ordered."""
    if task.ordered:
        return left, right
    return np.minimum(left, right), np.maximum(left, right)


def key_hash(task: Task, purpose: int, key: Key) -> np.ndarray:
    """64-bit hashes of the keys, for ``ORDER`` within a split or for the ``SPLIT``."""
    x, y = key
    z = _absorb(np.uint64(mix64_int(task.seed + purpose * GOLDEN)), x)
    return _absorb(z, y)


def blocks(count: int) -> Iterator[slice]:
    """Slices that cut ``count`` rows into pieces that stay in cache."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _absorb(z: np.ndarray | np.uint64, value: np.ndarray) -> np.ndarray:
    mixed = value ^ z
    mixed += np.uint64(GOLDEN)
    return mix64(mixed)


def _word(start: np.ndarray, index: int) -> np.ndarray:
    return mix64(start + np.uint64(index * GOLDEN & MASK64))


def _dashes(task: Task, start: np.ndarray, first: int) -> np.ndarray:
    count = uniform(_word(start, first), task.digits)
    count += np.uint64(1)
    return count


def _number(task: Task, start: np.ndarray, first: int) -> np.ndarray:
    """A number whose length is uniform in 1..D and whose digits are uniform, leading zeros included."""
    shorter = uniform(_word(start, first), task.digits).view(np.int64)
    value = None
    for limb, bounds in enumerate(_limb_bounds(task.digits)):
        digits = uniform(_word(start, first + 1 + limb), np.take(bounds, shorter))
        if value is None:
            value = digits
        else:
            digits *= np.uint64(10 ** (LIMB_DIGITS * limb))
            value += digits
    assert value is not None
    return value


@functools.cache
def _limb_bounds(digits: int) -> list[np.ndarray]:
    """For each limb: from the length less one to how many values the limb can have (0 past the length)."""
    lengths = range(1, digits + 1)
    return [
        np.array([10 ** min(LIMB_DIGITS, n - low) if n > low else 0 for n in lengths], np.uint64)
        for low in range(0, digits, LIMB_DIGITS)
    ]
