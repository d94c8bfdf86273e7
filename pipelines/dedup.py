"""Exact deduplication: draws by shard, and within a shard, of the draws that share a key, the first.

Sorting is what this costs. NumPy sorts 16-bit numbers stably by radix, in a few nanoseconds each on any processor, so
hashes are sorted by 16 bits at a time; its comparison sorts take ten times as long where they are not vectorised.
"""

import numpy as np

from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.tasks import Task

DIGIT_BITS = 16
PREFIX_BITS = 32


def partition(task: Task, first: int, stop: int, num_shards: int) -> list[np.ndarray]:
    """The numbers of the draws ``first`` to ``stop - 1``, by the shard that their key falls into.

    Returns:
      For each shard the ascending draw numbers, uint64; every key's draws are in one shard.
    """
    shards = np.empty(stop - first, np.uint32)
    for block in d.blocks(stop - first):
        numbers = np.arange(first + block.start, first + block.stop, dtype=np.uint64)
        key = d.key(task, *d.operands(task, numbers))
        shards[block] = d.uniform(d.key_hash(task, d.ORDER, key), num_shards)
    order = radix_argsort(shards, (num_shards - 1).bit_length())
    counts = np.bincount(shards, minlength=num_shards)
    return np.split(order.astype(np.uint64) + np.uint64(first), counts.cumsum()[:-1])


def unique(
    task: Task, numbers: np.ndarray, num_shards: int = 1, shard: int = 0, prefix_bits: int = PREFIX_BITS
) -> np.ndarray:
    """The first draw of every key, in example order.

    Args:
      numbers: Ascending draw numbers, uint64, whose keys fall into the shard.
      num_shards, shard: Which that is.
      prefix_bits: How many bits of the hash are sorted by radix; fewer only in tests, to see ties resolved.

    Returns:
      Rows draw number, SPLIT hash, and the two parts of the key, in the order of (key_hash, key): uint64 of
      shape (4, k).
    """
    order_hash, *columns = _hashes(task, numbers)
    _, x, y = columns
    prefix = _prefix(order_hash, num_shards, shard, prefix_bits)
    order = radix_argsort(prefix, prefix_bits)
    prefix = prefix[order]
    repeated = np.flatnonzero(prefix[1:] == prefix[:-1]) + 1

    def differs(rows: np.ndarray) -> np.ndarray:
        """Whether the keys at these places of the order differ from the ones before them."""
        earlier, later = order[rows - 1], order[rows]
        return (order_hash[earlier] != order_hash[later]) | (x[earlier] != x[later]) | (y[earlier] != y[later])

    # Most repeated prefixes are repeated keys, in the order of their draws. The rest is a tie, which the hash and
    # the key decide.
    unlike = differs(repeated)
    if unlike.any():
        mixed = _runs(prefix, repeated[unlike])
        rows = order[mixed]
        order[mixed] = rows[np.lexsort((numbers[rows], y[rows], x[rows], order_hash[rows]))]
        unlike = differs(repeated)
    kept = np.ones(len(order), bool)
    kept[repeated] = unlike
    order = order[kept]
    return np.stack([column[order] for column in (numbers, *columns)])


def radix_argsort(values: np.ndarray, bits: int) -> np.ndarray:
    """Stable argsort of unsigned numbers below 2^bits: int64 of shape (n,)."""
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(DIGIT_BITS, bits, DIGIT_BITS):
        digit = (values >> values.dtype.type(shift)).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def _hashes(task: Task, numbers: np.ndarray) -> np.ndarray:
    """Rows ORDER hash, SPLIT hash, and the two parts of the key: uint64 of shape (4, n)."""
    rows = np.empty((4, len(numbers)), np.uint64)
    for block in d.blocks(len(numbers)):
        key = d.key(task, *d.operands(task, numbers[block]))
        rows[0, block] = d.key_hash(task, d.ORDER, key)
        rows[1, block] = d.key_hash(task, d.SPLIT, key)
        rows[2, block], rows[3, block] = key
    return rows


def _prefix(hashes: np.ndarray, num_shards: int, shard: int, bits: int) -> np.ndarray:
    """The first bits in which hashes of one shard differ, uint32: ascending with the hash."""
    smallest = -(-(shard << 64) // num_shards)
    shared = num_shards.bit_length() - 1
    spread = (hashes - np.uint64(smallest)) << np.uint64(shared)
    return (spread >> np.uint64(64 - bits)).astype(np.uint32)


def _runs(prefix: np.ndarray, places: np.ndarray) -> np.ndarray:
    """All places of a sorted array that hold the value of one of the given places."""
    values = np.unique(prefix[places])
    bounds = zip(np.searchsorted(prefix, values), np.searchsorted(prefix, values, side="right"), strict=True)
    return np.concatenate([np.arange(start, stop) for start, stop in bounds])
