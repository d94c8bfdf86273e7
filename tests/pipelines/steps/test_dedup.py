"""Partitioning and exact deduplication, against a dict that keeps the first draw of each key."""

import numpy as np
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import SEEDS, tasks

from seq2seq_arith.arithmetic.numbers import to_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps import dedup

# From no duplicates at all to nearly only duplicates.
TASKS = st.one_of(tasks(), tasks(names=("pq",), max_dashes=12), tasks(names=("addition", "subtraction"), size=1))
SHARDS = st.one_of(st.integers(1, 70), st.sampled_from([64, 1000, 2**16, 2**16 + 1]))


def first_of_each_key(task: Task, numbers: list[int]) -> list[tuple[int, int, int, int]]:
    """Number, SPLIT hash and key of each kept draw, in example order: the result of ``unique``, found with a dict."""
    kept: dict[tuple[int, int], int] = {}
    for i in numbers:
        kept.setdefault(reference.key(task, *reference.draw(task, i)), i)
    in_order = sorted(kept, key=lambda key: (reference.key_hash(task, 1, *key), *key))
    return [(kept[key], reference.key_hash(task, 2, *key), *key) for key in in_order]


def test_the_size_of_a_chunk():
    """It bounds a worker's memory: it grows with the draws up to 2^20, and with thousands of shards up to 2^24."""
    sizes = [dedup.chunk_size(draws, 1) for draws in (1, 64 * 2**18, 64 * (2**18 + 1), 2**40)]
    assert sizes == [2**16, 2**18, 2**19, 2**20]
    assert [dedup.chunk_size(2**40, shards) for shards in (2**12, 2**14, 2**20)] == [2**20, 2**22, 2**24]


def rows(kept: np.ndarray) -> list[tuple[int, ...]]:
    assert kept.dtype == np.uint64
    x, y = (to_ints(number) for number in np.split(kept[2:], 2))
    return list(zip(*kept[:2].tolist(), x, y, strict=True))


def partition(task: Task, first: int, stop: int, num_shards: int) -> list[np.ndarray]:
    """The draw numbers of each shard."""
    distances, bounds = dedup.partition(task, first, stop, num_shards)
    assert distances.dtype == np.uint32
    assert (len(bounds), bounds[0], bounds[-1]) == (num_shards + 1, 0, len(distances))
    return np.split(distances.astype(np.uint64) + np.uint64(first), bounds[1:-1])


@given(TASKS, st.integers(0, 2**40), st.integers(1, 300), SHARDS)
def test_partition_has_each_draw_once_where_its_key_belongs(task, first, count, num_shards):
    parts = partition(task, first, first + count, num_shards)
    assert sorted(np.concatenate(parts).tolist()) == list(range(first, first + count))
    for shard, part in enumerate(parts):
        assert part.tolist() == sorted(part.tolist())
        for i in part.tolist():
            key = reference.key(task, *reference.draw(task, i))
            assert reference.uniform(reference.key_hash(task, 1, *key), num_shards) == shard


@given(TASKS, st.integers(0, 2**40), st.integers(1, 300), st.integers(1, 32))
# 3,000 draws of about sixty keys; every prefix is a tie.
@example(Task("pq", size=10), 0, 3000, 1)
@example(Task("addition"), 2**43, 3000, 4)
# Numbers of two words; every prefix is a tie.
@example(Task("addition", size=20), 0, 3000, 1)
def test_unique_keeps_the_first_of_each_key(task, first, count, prefix_bits):
    numbers = np.arange(first, first + count, dtype=np.uint64)
    kept = dedup.unique(task, numbers, prefix_bits=prefix_bits)
    assert rows(kept) == first_of_each_key(task, numbers.tolist())


@given(TASKS, st.integers(0, 2**40), st.integers(1, 100), SHARDS, st.sampled_from([2, 5, 16, 17, 32]))
def test_shards_in_turn_are_one_sequence(task, first, count, num_shards, prefix_bits):
    """The shards, one after the other, keep the draws that a single shard would keep."""
    parts = partition(task, first, first + count, num_shards)
    kept = [
        row
        for shard, part in enumerate(parts)
        if len(part)
        for row in rows(dedup.unique(task, part, num_shards, shard, prefix_bits))
    ]
    assert kept == first_of_each_key(task, list(range(first, first + count)))


@given(SEEDS, st.integers(2, 50))
def test_prefix_ascends_with_the_hash_to_the_ends_of_a_shard(seed, num_shards):
    """A prefix that wrapped at a shard's end would put its largest hashes first."""
    for shard in {0, seed % num_shards, num_shards - 1}:
        low, high = -(-(shard << 64) // num_shards), -(-((shard + 1) << 64) // num_shards) - 1
        hashes = np.array(sorted({low, low + 1, (low + high) // 2, high - 1, high}), np.uint64)
        prefix = dedup._prefix(hashes, num_shards, shard, 32).tolist()
        assert prefix == sorted(prefix)
        assert prefix[0] == 0
        # At least half of the values of 32 bits are used.
        assert prefix[-1] >= 2**31 - 1
