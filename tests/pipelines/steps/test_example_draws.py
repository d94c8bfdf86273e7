"""The draws of a dataset that is there, found without Beam: against the notebook's loop."""

import numpy as np
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import small_tasks

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.draws import operands
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.example_draws import example_draws


def rows(task: Task, drawn: np.ndarray) -> list[tuple[str, str]]:
    """The stored strings of the examples of these draws, by the pipeline's own functions."""
    assert drawn.dtype == np.uint64
    sides = operands(task, drawn)
    return list(zip(*(text.to_strings(write(task, *sides)) for write in (text.questions, text.answers)), strict=True))


def are_of_the_loop(task: Task, num_shards: int) -> None:
    expected = reference.dataset(task)
    drawn = example_draws(task, expected.draws_used, num_shards)
    for split, shards in drawn.items():
        wanted = [[] for _ in range(num_shards)]
        for row in expected.split(split):
            wanted[row.shard(num_shards)].append((row.question, row.answer))
        assert [rows(task, of_shard) for of_shard in shards] == wanted
    # With one draw less or more the last one is no example, unless the next one is, too: then there are more than N.
    assert example_draws(task, expected.draws_used - 1, num_shards) is None
    assert example_draws(task, expected.draws_used + 1, num_shards) is None


@given(small_tasks(), st.integers(1, 70))
@example(Task("copy", size=2, num_examples=300), 3)
@example(Task("addition_of_three", size=1, num_examples=300), 3)
@example(Task("division", size=1, num_examples=60), 3)
def test_as_the_loop_keeps(task, num_shards):
    are_of_the_loop(task, num_shards)


def test_several_chunks(monkeypatch):
    monkeypatch.setattr(dedup, "chunk_size", lambda num_draws, num_shards: 64)
    are_of_the_loop(Task("addition", size=2, num_examples=300, seed=7), 5)
