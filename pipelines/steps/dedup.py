"""Exact deduplication: groups draws by their key's shard, and keeps the first draw of every key within a shard.

Nearly all of the time is spent on sorting. NumPy's stable sort of 16-bit numbers is a radix sort, which takes a few
nanoseconds per number on any processor. So hashes are sorted by 16 bits at a time. NumPy's comparison sorts take ten
times as long on processors for which they are not vectorised.
"""

from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.splitmix import uniform
from seq2seq_arith.arithmetic.task import Task

DIGIT_BITS = 16
PREFIX_BITS = 32

MIN_CHUNK, MAX_CHUNK = 2**16, 2**20
# A runner takes a microsecond or two per block, the time of a dozen draws. So chunks grow with the number of
# shards, up to a chunk that needs a gigabyte of a worker's memory.
BLOCK_DRAWS, LARGEST_CHUNK = 256, 2**24


def chunk_size(num_draws: int, num_shards: int) -> int:
    """The number of draws per chunk: a power of two that grows with the draws, and then with the shards."""
    max_chunk = max(MAX_CHUNK, min(LARGEST_CHUNK, BLOCK_DRAWS * num_shards))
    suitable = max(MIN_CHUNK, min(max_chunk, num_draws // 64))
    return 1 << (suitable - 1).bit_length()


def partition(task: Task, first: int, stop: int, num_shards: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups the draws ``first`` to ``stop - 1`` by the shard of their key.

    Returns their distances from ``first``, ascending within a shard, uint32 (n,), and the shards' bounds in it.
    """
    shards = np.empty(stop - first, np.uint32)
    for block in draws.blocks(stop - first):
        numbers = np.arange(first + block.start, first + block.stop, dtype=np.uint64)
        key = draws.key(task, *draws.operands(task, numbers))
        shards[block] = uniform(draws.key_hash(task, draws.ORDER, key), num_shards)
    bounds = np.zeros(num_shards + 1, np.int64)
    np.cumsum(np.bincount(shards, minlength=num_shards), out=bounds[1:])
    return radix_argsort(shards, (num_shards - 1).bit_length()).astype(np.uint32), bounds


def unique(
    task: Task, numbers: np.ndarray, num_shards: int = 1, shard: int = 0, prefix_bits: int = PREFIX_BITS
) -> np.ndarray:
    """The first draw of every key of ascending draw numbers, in example order.

    Returns rows of uint64: draw number, SPLIT hash, and the words of the key's numbers; the columns are in the order of
    (ORDER hash, key): shape (2 + arity·words, k). ``prefix_bits`` of the hash are in the radix sort; tests give fewer.
    """
    order_hash, *columns = hashes(task, numbers)
    key, arity = columns[1:], task.operation.arity
    prefix = _prefix(order_hash, num_shards, shard, prefix_bits)
    order = radix_argsort(prefix, prefix_bits)
    prefix = prefix[order]
    repeated = np.flatnonzero(prefix[1:] == prefix[:-1]) + 1

    def differs(rows: np.ndarray) -> np.ndarray:
        """Whether the key at each of these places of the order differs from the key before it."""
        earlier, later = order[rows - 1], order[rows]
        result = order_hash[earlier] != order_hash[later]
        for word in key:
            result |= word[earlier] != word[later]
        return result

    # Most repeated prefixes are repeated keys, in the order of their draws. The others are ties between different
    # keys, which the whole hash and the key decide.
    unlike = differs(repeated)
    if unlike.any():
        mixed = _runs(prefix, repeated[unlike])
        rows = order[mixed]
        order[mixed] = rows[
            np.lexsort((numbers[rows], *(word[rows] for word in by_significance(key, arity)), order_hash[rows]))
        ]
        unlike = differs(repeated)
    kept = np.ones(len(order), bool)
    kept[repeated] = unlike
    order = order[kept]
    result = np.empty((1 + len(columns), len(order)), np.uint64)
    for row, column in zip(result, (numbers, *columns), strict=True):
        np.take(column, order, out=row, mode="clip")  # which needs no copy
    return result


def radix_argsort(values: np.ndarray, bits: int) -> np.ndarray:
    """Stable argsort of unsigned numbers below 2^bits: int64 of shape (n,)."""
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(DIGIT_BITS, bits, DIGIT_BITS):
        digit = (values >> values.dtype.type(shift)).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def by_significance(key: Sequence[np.ndarray], arity: int) -> list[np.ndarray]:
    """The words of y and then of x, the order of ``np.lexsort``: the most significant word of x is the last."""
    words = len(key) // arity
    return [word for side in reversed(range(arity)) for word in key[side * words : (side + 1) * words]]


def hashes(task: Task, numbers: np.ndarray) -> np.ndarray:
    """Rows ORDER hash, SPLIT hash, and the words of x and y: uint64 of shape (2 + arity·words, n)."""
    rows = np.empty((2 + task.operation.arity * task.notation.words(task.size), len(numbers)), np.uint64)
    for block in draws.blocks(len(numbers)):
        key = draws.key(task, *draws.operands(task, numbers[block]))
        rows[0, block] = draws.key_hash(task, draws.ORDER, key)
        rows[1, block] = draws.key_hash(task, draws.SPLIT, key)
        np.concatenate(key, out=rows[2:, block])
    return rows


def _prefix(hashes: np.ndarray, num_shards: int, shard: int, bits: int) -> np.ndarray:
    """The first bits in which the hashes of one shard differ, uint32; they ascend with the hash."""
    smallest = -(-(shard << 64) // num_shards)
    shared = num_shards.bit_length() - 1
    spread = (hashes - np.uint64(smallest)) << np.uint64(shared)
    return (spread >> np.uint64(64 - bits)).astype(np.uint32)


def _runs(prefix: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """All places of a sorted array that hold the value of one of the given places."""
    values = np.unique(prefix[positions])
    bounds = zip(np.searchsorted(prefix, values), np.searchsorted(prefix, values, side="right"), strict=True)
    return np.concatenate([np.arange(start, stop) for start, stop in bounds])
