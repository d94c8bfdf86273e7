"""Lanes: each example once per pass, the same for any machines, replicas and blocks, and shuffled."""

import dataclasses
import itertools
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data.lanes import MAX_LANES, Lanes


@dataclasses.dataclass
class Numbered:
    """A split whose questions are the numbers of its examples in four bytes, and which notes what is read."""

    count: int
    rows_per_range: int
    task: Task = Task("addition", size=2)  # noqa: RUF009, which does not know that it is frozen
    is_remote: bool = False
    ranges: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return self.count

    def read_strings(self, first, count, order):
        assert first >= 0
        assert 1 <= count <= self.rows_per_range
        assert first + count <= self.count
        self.ranges.append((first, count))
        rows = np.arange(first, first + count)[order]
        digits = rows[:, None] // 256 ** np.arange(5) % 256
        return np.concatenate([digits, digits[:, :3]], axis=1).astype(np.uint8)


def numbers(block) -> np.ndarray:
    """The numbers of a block's examples: int64 [steps, rows]; -1 for padding."""
    np.testing.assert_array_equal(block.questions[:, :, :3], block.answers)
    values = block.questions.astype(np.int64) @ 256 ** np.arange(5)
    return np.where(block.weights > 0, values, -1)


@given(st.integers(1, 300), st.integers(1, 250), st.integers(1, 5), st.integers(1, 9), st.integers(0, 9))
def test_a_pass_holds_every_example_once(count, batch_size, multiple, size, seed):
    batches = Lanes(Numbered(count, size), batch_size, multiple, seed)
    steps = batches.steps_per_pass
    block = batches.block(3 * steps, steps)
    assert block.questions.shape[:2] == block.weights.shape == (steps, batches.rows)
    assert batches.rows % multiple == 0
    found = numbers(block)
    assert sorted(found[found >= 0].tolist()) == list(range(count))
    np.testing.assert_allclose(block.weights.sum(axis=1), 1, rtol=1e-6)
    assert all(len(np.unique(row[row > 0])) == 1 for row in block.weights)
    assert [np.count_nonzero(row) for row in block.weights[:-1]] == [batch_size] * (steps - 1)
    assert batches.examples_in(4 * steps + 1) == 4 * count + np.count_nonzero(block.weights[0])


@given(st.integers(0, 40), st.integers(1, 5), st.integers(1, 60))
def test_a_step_is_the_same_in_every_block(first, count, batch_size):
    """A stream that begins here, as after a stop, and one that has been at other steps before."""
    batches = Lanes(Numbered(150, 4), batch_size, 2, seed=1)
    together = numbers(batches.block(first, count))
    alone = [numbers(Lanes(Numbered(150, 4), batch_size, 2, seed=1).block(first + step, 1)) for step in range(count)]
    again = [numbers(batches.block(first + step, 1)) for step in reversed(range(count))]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    np.testing.assert_array_equal(together, np.concatenate(again[::-1]))


@given(st.integers(1, 5), st.integers(1, 3), st.sampled_from([1, 7, 24, 64, 96, 192]), st.integers(0, 30))
def test_machines_together_have_the_batch_of_one(machines, replicas, batch_size, first):
    """Each machine reads only the lanes of its rows."""
    one = numbers(Lanes(Numbered(1000, 5), batch_size, 1, seed=2).block(first, 3))
    parts = []
    for machine in range(machines):
        split = Numbered(1000, 5)
        batches = Lanes(split, batch_size, machines * replicas, seed=2)
        share = batches.rows // machines
        rows = slice(machine * share, (machine + 1) * share)
        parts.append(numbers(batches.block(first, 3, rows)))
        assert parts[-1].shape == (3, share)
        mine = [batches.part(lane) for lane in batches.lanes_of(rows)]
        assert all(any(start in part for part in mine) for start, _ in split.ranges)
    together = np.concatenate(parts, axis=1)
    np.testing.assert_array_equal(together[:, :batch_size], one)
    assert (together[:, batch_size:] == -1).all()


def test_a_store_is_asked_for_many_ranges_at_once():
    """Each of the first readings waits for the others; one after the other, they would never end."""
    expected = numbers(Lanes(Numbered(1000, 5), 16, 1, 0).block(11, 20))
    together, calls = threading.Barrier(16, timeout=60), itertools.count()

    class Slow(Numbered):
        def read_strings(self, first, count, order):
            if next(calls) < 16:
                together.wait()
            return super().read_strings(first, count, order)

    np.testing.assert_array_equal(numbers(Lanes(Slow(1000, 5, is_remote=True), 16, 1, 0).block(11, 20)), expected)


@pytest.mark.parametrize(("batch_size", "lanes"), [(128, 64), (96, 48), (30, 30), (7, 7), (127, 1), (65, 13), (1, 1)])
def test_lanes_are_the_largest_divisor(batch_size, lanes):
    batches = Lanes(Numbered(9999, 50), batch_size, 1, 0)
    assert batches.lanes == lanes <= MAX_LANES
    block = numbers(batches.block(0, 1))[0].reshape(lanes, -1)
    for lane in range(lanes):
        assert all(number in batches.part(lane) for number in block[lane])


def test_ranges_are_read_once_per_pass_and_in_another_order_each_time():
    split = Numbered(1000, 10)
    batches = Lanes(split, 4, 1, 0)
    for first in range(0, 750, 7):
        batches.block(first, 7)
    one, two, three = (split.ranges[start : start + 100] for start in (0, 100, 200))
    assert sorted(one) == sorted(two) == sorted(three) == [(first, 10) for first in range(0, 1000, 10)]
    assert len({tuple(each) for each in (one, two, three)}) == 3


def test_every_pass_every_seed_and_every_lane_has_its_own_order():
    orders = set()
    for seed in (0, 1):
        batches = Lanes(Numbered(200, 10), 2, 1, seed)
        for number in (0, 1):
            block = numbers(batches.block(100 * number, 100))
            orders |= {tuple(block[:, 0]), tuple(block[:, 1] - 100)}
    assert len(orders) == 8
