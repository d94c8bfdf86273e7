"""Draw numbers as bytes, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines.steps.blocks import Drawn, by_shard, draw_numbers, pack, unpack


@st.composite
def chunks(draw: st.DrawFn) -> list[Drawn]:
    """Consecutive chunks from draw 0 or a later draw on, each with the draws of two shards."""
    first, result = draw(st.sampled_from([0, 2**32 - 3, 2**44])), []
    for _ in range(draw(st.integers(1, 4))):
        parts = [sorted(draw(st.sets(st.integers(0, 9), max_size=5))) for _ in range(2)]
        distances, bounds = np.array([*parts[0], *parts[1]], np.uint32), np.cumsum([0, *map(len, parts)])
        result.append(Drawn(first, distances, bounds))
        first += 10
    return result


@given(chunks(), st.randoms())
def test_blocks_hold_the_draws_of_each_shard(drawn, random):
    blocks = [block for chunk in drawn for block in by_shard(chunk)]
    random.shuffle(blocks)
    for shard in range(2):
        expected = [
            chunk.first + distance
            for chunk in drawn
            for distance in chunk.distances[chunk.bounds[shard] : chunk.bounds[shard + 1]].tolist()
        ]
        of_shard = [block for key, block in blocks if key == shard]
        # Only the first chunk of a dataset has blocks without a draw.
        assert len(of_shard) >= 1 or drawn[0].first > 0
        if of_shard:
            assert draw_numbers(of_shard).tolist() == expected
        else:
            assert expected == []


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
