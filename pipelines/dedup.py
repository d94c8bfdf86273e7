"""Exact deduplication of one partition: of the draws that share a key, the first is kept."""

import numpy as np

from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.tasks import Task


def partition(task: Task, first: int, stop: int, num_shards: int) -> list[np.ndarray]:
    """The numbers of the draws ``first`` to ``stop - 1``, by the shard that their key falls into.

    Returns:
      For each shard the ascending draw numbers, uint64; every key's draws are in one shard.
    """
    # One sorted word holds the shard and the place in the chunk: np.sort is vectorised, np.argsort hardly.
    words = np.empty(stop - first, np.uint64)
    for block in d.blocks(stop - first):
        numbers = np.arange(first + block.start, first + block.stop, dtype=np.uint64)
        key = d.key(task, *d.operands(task, numbers))
        words[block] = d.uniform(d.key_hash(task, d.ORDER, key), num_shards) << np.uint64(32)
    words |= np.arange(len(words), dtype=np.uint64)
    words.sort()
    bounds = np.searchsorted(words, np.arange(num_shards, dtype=np.uint64) << np.uint64(32))
    words &= np.uint64(0xFFFFFFFF)
    words += np.uint64(first)
    return np.split(words, bounds[1:])


def unique(
    task: Task, numbers: np.ndarray, num_shards: int = 1, shard: int = 0, prefix_bits: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """The first draw of every key, in example order.

    Args:
      numbers: Draw numbers of one shard, uint64, in any order; overwritten.
      num_shards, shard: Where their keys fall.
      prefix_bits: At most how many bits of the hash are sorted with; fewer only in tests, to see ties resolved.

    Returns:
      Draw numbers in the order of (key_hash, key), and the SPLIT hash of each; both uint64.
    """
    numbers.sort()
    order_hash, split_hash, x, y = _hashes(task, numbers)
    order, repeated = _sort(order_hash, _spread(num_shards, shard), prefix_bits)

    # Where the sorted prefix repeats, the whole key decides; what is left over are ties between unlike keys.
    def differs(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        return (order_hash[earlier] != order_hash[later]) | (x[earlier] != x[later]) | (y[earlier] != y[later])

    again = np.flatnonzero(repeated)
    unlike = differs(order[again - 1], order[again])
    if unlike.any():
        mixed = _runs_with(repeated, again[unlike])
        rows = order[mixed]
        order[mixed] = rows[np.lexsort((numbers[rows], y[rows], x[rows], order_hash[rows]))]
        unlike = differs(order[again - 1], order[again])
    kept = ~repeated
    kept[again[unlike]] = True
    order = order[kept]
    return numbers[order], split_hash[order]


def _hashes(task: Task, numbers: np.ndarray) -> np.ndarray:
    """Rows ORDER hash, SPLIT hash, and the two parts of the key: uint64 of shape (4, n)."""
    rows = np.empty((4, len(numbers)), np.uint64)
    for block in d.blocks(len(numbers)):
        key = d.key(task, *d.operands(task, numbers[block]))
        rows[0, block] = d.key_hash(task, d.ORDER, key)
        rows[1, block] = d.key_hash(task, d.SPLIT, key)
        rows[2, block], rows[3, block] = key
    return rows


def _spread(num_shards: int, shard: int) -> tuple[int, int]:
    """The smallest hash of a shard, and how many leading zero bits are left once it is subtracted."""
    return -(-(shard << 64) // num_shards), num_shards.bit_length() - 1


def _sort(hashes: np.ndarray, spread: tuple[int, int], prefix_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Order of the rows by hash as far as it fits into a word beside the row number, then by row number.

    Returns:
      The order, int64, and where a row's prefix is that of the row before it, bool.
    """
    base, leading = spread
    index_bits = max(64 - prefix_bits, max(len(hashes) - 1, 1).bit_length())
    index_mask = np.uint64((1 << index_bits) - 1)
    words = hashes - np.uint64(base)
    words <<= np.uint64(leading)
    words &= ~index_mask
    words |= np.arange(len(hashes), dtype=np.uint64)
    words.sort()
    order = (words & index_mask).view(np.int64)
    words &= ~index_mask
    repeated = np.zeros(len(words), bool)
    np.equal(words[1:], words[:-1], out=repeated[1:])
    return order, repeated


def _runs_with(repeated: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Indices of all rows of the runs of repeated prefixes that hold one of ``rows``."""
    starts = np.append(np.flatnonzero(~repeated), len(repeated))
    runs = np.unique(np.searchsorted(starts, rows, side="right") - 1)
    return np.concatenate([np.arange(starts[run], starts[run + 1]) for run in runs])
