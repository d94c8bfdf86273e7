"""The dataset drawn by other code, which verify goes by: against the notebook's loop."""

import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import small_tasks

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.redraw import redraw


def texts(task: Task, expected: reference.Dataset, num_shards: int) -> None:
    drawn = redraw(task, expected.draws_used, num_shards)
    for split, shards in drawn.items():
        assert len(shards) == num_shards
        for shard, (left, right) in enumerate(shards):
            rows = [reference.text(task, *pair) for pair in zip(left.tolist(), right.tolist(), strict=True)]
            wanted = [row for row in expected.split(split) if row.shard(num_shards) == shard]
            assert rows == [(row.question, row.answer) for row in wanted]


@given(small_tasks(), st.integers(1, 70))
@settings(max_examples=50)
def test_as_the_loop_keeps(task, num_shards):
    texts(task, reference.dataset(task), num_shards)


@pytest.mark.parametrize("digits", range(1, 19))
def test_every_number_of_digits(digits):
    task = Task("addition", digits=digits, num_examples=30, seed=digits)
    texts(task, reference.dataset(task), 5)
