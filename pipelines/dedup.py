"""Exact deduplication: draws by shard, and within a shard, of the draws that share a key, the first.

Sorting is what this costs. NumPy sorts 16-bit numbers stably by radix, in a few nanoseconds each on any processor, so
hashes are sorted by 16 bits at a time; its comparison sorts take ten times as long where they are not vectorised.
"""

import numpy as np

from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.frequent import FirstDraws
from seq2seq_arith.pipelines.tasks import Task

DIGIT_BITS = 16
PREFIX_BITS = 32

MIN_CHUNK, MAX_CHUNK = 2**16, 2**20
# An engine takes a microsecond or two for a block, as long as a dozen draws do. So with very many shards chunks grow,
# until a worker would need a gigabyte for one.
BLOCK_DRAWS, LARGEST_CHUNK = 64, 2**24


def chunk_size(num_draws: int, num_shards: int) -> int:
    """How many draws are made at a time: a power of two, that grows with the draws and then with the shards."""
    most = max(MAX_CHUNK, min(LARGEST_CHUNK, BLOCK_DRAWS * num_shards))
    suitable = max(MIN_CHUNK, min(most, num_draws // 64))
    return 1 << (suitable - 1).bit_length()


def partition(
    task: Task, first: int, stop: int, num_shards: int, early: FirstDraws | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The draws ``first`` to ``stop - 1`` by the shard that their key falls into, less those known to be repeated.

    Args:
      early: Draws that repeat a short pair of these are left out.

    Returns:
      Each draw's distance from ``first``, ascending within a shard: uint32 of shape (n,), n ≤ stop - first; and where
      the shards begin and end there: int64 of shape (num_shards + 1,). All draws of a key are in one shard.
    """
    distances, shards = np.empty((2, stop - first), np.uint32)
    count = 0
    for block in d.blocks(stop - first):
        numbers = np.arange(first + block.start, first + block.stop, dtype=np.uint64)
        x, y = d.key(task, *d.operands(task, numbers))
        if early:
            new = np.flatnonzero(~early.repeated(task, numbers, (x, y)))
            numbers, x, y = numbers[new], x[new], y[new]
        filled = slice(count, count + len(numbers))
        distances[filled] = numbers - np.uint64(first)
        shards[filled] = d.uniform(d.key_hash(task, d.ORDER, (x, y)), num_shards)
        count = filled.stop
    distances, shards = distances[:count], shards[:count]
    order = radix_argsort(shards, (num_shards - 1).bit_length())
    bounds = np.zeros(num_shards + 1, np.int64)
    np.cumsum(np.bincount(shards, minlength=num_shards), out=bounds[1:])
    return distances[order], bounds


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
