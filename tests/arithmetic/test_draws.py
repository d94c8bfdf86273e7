"""From the number of a draw to operands, keys and hashes: the data format's vectors, and plain integers."""

from collections.abc import Iterable

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import columns, operand_pairs, tasks

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.numbers import to_ints
from seq2seq_arith.arithmetic.task import Task


def pairs_of(task: Task, numbers: Iterable[int]) -> list[tuple[int, int]]:
    sides = draws.operands(task, np.array(list(numbers), np.uint64))
    assert [side.dtype for side in sides] == [np.uint64] * 2
    return list(zip(*map(to_ints, sides), strict=True))


@pytest.mark.parametrize(
    ("task", "pairs"),
    [
        (Task("addition"), [(431, 9), (3, 7), (9, 76)]),
        (Task("subtraction"), [(43152, 9), (3, 7), (95, 76)]),
        (Task("pq"), [(884, 432), (27, 971), (107, 328)]),
        (Task("addition", size=18), [(264337431527997, 327325764106346691), (7715, 761034421396467975)]),
    ],
    ids=lambda value: getattr(value, "config_name", ""),
)
def test_first_draws(task, pairs):
    assert pairs_of(task, range(len(pairs))) == pairs
    assert [reference.draw(task, i) for i in range(len(pairs))] == pairs


@given(tasks(), st.lists(st.one_of(st.integers(0, 1000), st.integers(0, 2**44)), min_size=1, max_size=30))
def test_operands(task, numbers):
    assert pairs_of(task, numbers) == [reference.draw(task, i) for i in numbers]


@pytest.mark.parametrize("drawing", ["digits", "structured"])
@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 17, 18, 19, 27, 36, 37])
def test_operands_of_every_length(size, drawing):
    """Each length occurs among 400 draws, so the bounds of every limb are used."""
    task = Task("subtraction", size=size, seed=size, draws=drawing)
    operands = pairs_of(task, range(400))
    assert operands == [reference.draw(task, i) for i in range(400)]
    assert len({len(str(left)) for left, _ in operands}) == size


@given(tasks(), st.data())
def test_keys_and_their_hashes(task, data):
    pairs = data.draw(operand_pairs(task))
    left, right = columns(task, pairs)
    key = draws.key(task, left, right)
    keys = [reference.key(task, *pair) for pair in pairs]
    assert list(zip(*map(to_ints, key), strict=True)) == keys
    for purpose in (draws.ORDER, draws.SPLIT):
        hashes = draws.key_hash(task, purpose, key)
        assert hashes.tolist() == [reference.key_hash(task, purpose, x, y) for x, y in keys]
    # Neither call may change its arguments, although mix64 works in place.
    assert list(zip(to_ints(left), to_ints(right), strict=True)) == pairs


@pytest.mark.parametrize("count", [0, 1, draws.BLOCK - 1, draws.BLOCK, draws.BLOCK + 1, 3 * draws.BLOCK])
def test_blocks_cover_each_row_once(count):
    blocks = list(draws.blocks(count))
    assert [row for block in blocks for row in range(count)[block]] == list(range(count))
    assert all(block.stop - block.start <= draws.BLOCK for block in blocks)
