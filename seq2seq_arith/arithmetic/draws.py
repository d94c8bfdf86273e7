"""From the number of a draw to its operands, its key and its hashes: pure functions on uint64 arrays.

All arithmetic is modulo 2^64. No result depends on how the draws are divided into chunks, so the data do not
either. The pipeline, the suites and the streams of the trainer share this module.
"""

from collections.abc import Iterator

import numpy as np

from seq2seq_arith.arithmetic.numbers import min_max
from seq2seq_arith.arithmetic.splitmix import GOLDEN, Words, absorb, mix64_int
from seq2seq_arith.arithmetic.task import Task

# The purpose k of key_hash(k, x, y): 1 orders the examples, 2 chooses the split.
ORDER, SPLIT = 1, 2

# The number of draws that are processed together: arrays of 256 KB stay in the cache of a core.
BLOCK = 2**15

Key = tuple[np.ndarray, ...]


def operands(task: Task, draws: np.ndarray) -> Key:
    """The operands of the draws with these numbers, uint64 (n,), from left to right: uint64 (words, n) each."""
    sampler, arity = task.sampler, task.operation.arity
    return sampler.operands(task.size, Words(task.seed, draws, sampler.words_per_draw(task.size, arity)), arity)


def key(task: Task, *operands: np.ndarray) -> Key:
    """The keys: (min, max) of two operands, or all operands if ordered. Draws with equal keys are duplicates."""
    return operands if task.ordered else min_max(*operands)


def key_hash(task: Task, purpose: int, key: Key) -> np.ndarray:
    """64-bit hashes of the keys, for ``ORDER`` within a split or for the ``SPLIT``: uint64 of shape (n,)."""
    z = np.uint64(mix64_int(task.seed + purpose * GOLDEN))
    for number in key:
        for word in number:
            z = absorb(z, word)
    return z  # type: ignore[return-value]


def blocks(count: int) -> Iterator[slice]:
    """Slices that divide ``count`` rows into blocks that stay in the cache."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
