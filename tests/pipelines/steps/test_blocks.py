"""Draw numbers as bytes, and back."""

import numpy as np
import pytest
from apache_beam.coders import VarIntCoder
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines.steps import blocks as blocks_module
from seq2seq_arith.pipelines.steps.blocks import Drawn, by_partition, draw_numbers, key_of, pack, partition_of, unpack


@st.composite
def chunks(draw: st.DrawFn) -> list[Drawn]:
    """Consecutive chunks from draw 0 or a later draw on, each with the draws of two shards."""
    first, result = draw(st.sampled_from([0, 2**32 - 3, 2**44])), []
    for _ in range(draw(st.integers(1, 4))):
        parts = [sorted(draw(st.sets(st.integers(0, 9), max_size=5))) for _ in range(2)]
        distances, bounds = np.array([*parts[0], *parts[1]], np.uint32), np.cumsum([0, *map(len, parts)])
        result.append(Drawn(first, 10, distances, bounds))
        first += 10
    return result


@given(chunks(), st.randoms())
def test_blocks_hold_the_draws_of_each_shard(drawn, random):
    blocks = [block for chunk in drawn for block in by_partition(chunk)]
    random.shuffle(blocks)
    for shard in range(2):
        expected = [
            chunk.first + distance
            for chunk in drawn
            for distance in chunk.distances[chunk.bounds[shard] : chunk.bounds[shard + 1]].tolist()
        ]
        of_shard = [block for key, block in blocks if partition_of(key, 2) == shard]
        # Only the first chunk of a dataset has blocks without a draw.
        assert len(of_shard) >= 1 or drawn[0].first > 0
        if of_shard:
            (numbers,) = draw_numbers(of_shard)
            assert numbers.tolist() == expected
        else:
            assert expected == []


@given(st.integers(1, 2**20), st.data())
def test_each_partition_has_a_key_of_its_own(num_partitions, data):
    partition = data.draw(st.integers(0, num_partitions - 1))
    key = key_of(partition, num_partitions)
    assert key < 2 * num_partitions
    assert partition_of(key, num_partitions) == partition


@pytest.mark.parametrize("num_partitions", [256, 1000, 2**16])
@pytest.mark.parametrize("in_order", [None, lambda key: VarIntCoder().encode(key)], ids=["numbers", "bytes"])
def test_engines_that_sort_keys_work_on_distant_partitions_at_once(num_partitions, in_order):
    """Of each 32 neighbours in the order, some are in each quarter of the partitions. Flink sorts the keys' bytes."""
    keys = sorted((key_of(partition, num_partitions) for partition in range(num_partitions)), key=in_order)
    partitions = [partition_of(key, num_partitions) for key in keys]
    for start in range(0, num_partitions - 31, 32):
        assert {4 * partition // num_partitions for partition in partitions[start : start + 32]} == {0, 1, 2, 3}


def test_a_block_byte_by_byte():
    (shard, block), *others = by_partition(Drawn(2**32 + 1, 9, np.array([3, 258], np.uint32), np.array([0, 2])))
    assert (shard, others) == (0, [])
    assert block.hex(" ", 4) == "00000001 00000001 03000000 02010000"


@given(st.data(), st.sampled_from([0, 2**44]), st.randoms(), st.integers(1, 16), st.sampled_from([1, 3, 2**18]))
def test_a_partition_is_split_into_its_shards(data, first, random, shared_by, part_draws):
    """Whatever the order of the blocks, and however few draws are sorted at a time."""
    drawn, expected = [], [[] for _ in range(shared_by)]
    for number in range(data.draw(st.integers(1, 5))):
        start = first + number * 2**28
        distances = sorted(data.draw(st.sets(st.one_of(st.integers(0, 9), st.integers(0, 2**28 - 1)), max_size=9)))
        places = [data.draw(st.integers(0, shared_by - 1)) for _ in distances]
        for distance, place in zip(distances, places, strict=True):
            expected[place].append(start + distance)
        words = np.array(distances, np.uint32) | np.array(places, np.uint32) << np.uint32(28)
        drawn.append(Drawn(start, 2**28, words, np.array([0, len(words)])))
    blocks = [block for chunk in drawn for _, block in by_partition(chunk)]
    random.shuffle(blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "PART_DRAWS", part_draws)
        found = [numbers.tolist() for numbers in draw_numbers(blocks, shared_by)] if blocks else [[]] * shared_by
    assert found == expected


NUMBERS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 1000), st.integers(2**44 - 9, 2**44))


@given(st.lists(st.tuples(NUMBERS, st.booleans(), st.booleans())))
def test_unpack_is_the_inverse_of_pack(draws):
    values = list(zip(*draws, strict=True)) or [(), (), ()]
    columns = [np.array(column, kind) for column, kind in zip(values, (np.uint64, bool, bool), strict=True)]
    unpacked = unpack(pack(*columns))
    assert [column.dtype for column in unpacked] == [np.uint64, bool, bool]
    assert [column.tolist() for column in unpacked] == [column.tolist() for column in columns]


@pytest.mark.parametrize(
    ("distance", "bytes_each"), [(0, 4), (2**32 - 1, 4), (2**32, 5), (2**40 - 1, 5), (2**40, 6), (2**63, 8)]
)
def test_pack_takes_few_bytes_per_draw(distance, bytes_each):
    numbers = np.array([2**40, 2**40 + distance], np.uint64)
    packed = pack(numbers, np.array([True, False]), np.array([False, True]))
    assert len(packed) == 1 + 8 + 2 * bytes_each + 1
    assert packed[-1] == 0b1001_0000
    assert unpack(packed)[0].tolist() == numbers.tolist()
