"""The ends of the dataset and of the validation set, against a full sort of all kept draws."""

import dataclasses

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import SEEDS, small_tasks

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.numbers import to_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps import cutoff as cutoff_module
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.cutoff import (
    BUCKETS,
    Cutoff,
    WindowRows,
    Windows,
    counts,
    cutoff,
    find,
    foreseen,
    in_validation,
    narrowed,
    packed,
    together,
)

EVERYTHING = Windows(first_draw=0, first_hash=0, last_hash=2**64 - 1)


def kept_by_shard(task: Task, num_shards: int, num_draws: int | None = None) -> list[np.ndarray]:
    """The draws that each shard keeps of the first ``num_draws``; by default of enough draws for N keys."""
    count = coverage.num_draws(task) if num_draws is None else num_draws
    distances, bounds = dedup.partition(task, 0, count, num_shards)
    parts = np.split(distances.astype(np.uint64), bounds[1:-1])
    kept = [dedup.unique(task, part, num_shards, shard) for shard, part in enumerate(parts)]
    # If nearly all keys are wanted, the number of draws is too small once in a thousand times.
    if num_draws is None and sum(shard.shape[1] for shard in kept) < task.num_examples:
        return kept_by_shard(task, num_shards, 2 * count)
    return kept


def found_in(task: Task, windows: Windows, *kept: np.ndarray) -> Cutoff | None:
    """The cutoff as the pipeline finds it among the kept draws of each shard."""
    blocks = [packed(windows, shard) for shard in kept]
    return cutoff(task, windows, together(find(task, windows, block) for block in blocks))


def by_full_sort(task: Task, kept: np.ndarray) -> Cutoff | None:
    """The cutoff of kept draws, rows as those of ``dedup.unique``, by the two sorts that define the data format."""
    x, y = (to_ints(number) for number in np.split(kept[2:], 2))
    rows = sorted(zip(*kept[:2].tolist(), x, y, strict=True))
    if len(rows) < task.num_examples:
        return None
    examples = rows[: task.num_examples]
    validation = sorted(row[1:] for row in examples)[: task.num_validation]
    return Cutoff(examples[-1][0], validation[-1])


@given(small_tasks(), st.integers(1, 9))
@example(Task("addition", size=1, num_examples=100, seed=4, ordered=True), 1)
def test_as_by_full_sort_and_as_the_loop_keeps(task, num_shards):
    kept = kept_by_shard(task, num_shards)
    cut = found_in(task, Windows.around(task), *kept)
    assert cut == by_full_sort(task, np.concatenate(kept, axis=1))
    expected = reference.dataset(task)
    assert cut.last_draw + 1 == expected.draws_used
    last = max((row.split_hash, *row.key) for row in expected.validation)
    assert cut.last_validation == last


@given(SEEDS)
@settings(max_examples=5)
def test_windows_are_narrow_and_hit(seed):
    """At the default size a window holds under a tenth of the rows, and gives the cutoff of a window over all rows."""
    task = Task(seed=seed)
    (kept,) = kept_by_shard(task, 1)
    windows = Windows.around(task)
    rows = find(task, windows, packed(windows, kept))
    assert len(rows.rows_near_end) < kept.shape[1] / 10
    assert len(rows.rows_near_split) < kept.shape[1] / 10
    assert cutoff(task, windows, rows) == found_in(task, EVERYTHING, kept)


@given(small_tasks(max_examples=60), st.data())
def test_any_windows_give_the_cutoff_or_nothing(task, data):
    """A window that misses its place gives None, never a wrong place."""
    kept = kept_by_shard(task, 1)[0]
    right = by_full_sort(task, kept)
    hashes = sorted(kept[1].tolist())
    first_hash, last_hash = sorted(data.draw(st.tuples(*[st.sampled_from([0, *hashes, 2**64 - 1])] * 2)))
    first_draw = data.draw(st.sampled_from([0, *kept[0].tolist(), 2**44]))
    windows = Windows(first_draw, first_hash, last_hash)
    hit = first_draw <= right.last_draw and first_hash <= right.last_validation[0] <= last_hash
    assert found_in(task, windows, kept) == (right if hit else None)


@given(small_tasks(max_examples=100), st.integers(1, 6), st.sampled_from([1, 3, BUCKETS]))
def test_the_part_of_the_draws_that_has_the_last_one(task, num_shards, shares):
    """It is found by counting, however many draws a part has, and gives the same cutoff as all draws."""
    kept = kept_by_shard(task, num_shards)
    num_draws = max(int(shard[0].max(initial=0)) for shard in kept) + 1
    blocks = [packed(EVERYTHING, shard) for shard in kept]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutoff_module, "BUCKETS", shares)
        windows = narrowed(task, EVERYTHING, num_draws, sum(counts(num_draws, block) for block in blocks))
    assert windows.last_draw - windows.first_draw == -(-num_draws // shares) - 1
    assert found_in(task, windows, *kept) == by_full_sort(task, np.concatenate(kept, axis=1))


@pytest.mark.parametrize("missing", [1, 5, 19])
def test_too_few_keys(missing):
    task = Task(num_examples=20)
    kept = kept_by_shard(task, 1, 400)[0][:, : 20 - missing]
    assert found_in(task, EVERYTHING, kept) is None
    counted = counts(400, packed(EVERYTHING, kept))
    assert found_in(task, narrowed(task, EVERYTHING, 400, counted), kept) is None


# Real split hashes hardly ever tie. With four values ties are common, also at the cutoff.
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=10, max_size=50, unique=True
)


@given(ROWS, st.randoms(), st.sampled_from([0, 1, 2, 3]), st.sampled_from([0, 1, 2, 3]))
def test_ties_are_decided_by_the_key(rows, random, first_hash, last_hash):
    draws = random.sample(range(200), len(rows))
    kept = np.array([(draw, *row) for draw, row in zip(draws, rows, strict=True)], np.uint64).T
    task = Task(num_examples=max(10, len(rows) * 3 // 4))
    right = by_full_sort(task, kept)
    windows = Windows(0, min(first_hash, last_hash), max(first_hash, last_hash))
    before, near = foreseen(windows, kept[1])
    cut = cutoff(task, windows, WindowRows(0, int(before.sum()), kept.T, kept.T[near]))
    hit = windows.first_hash <= right.last_validation[0] <= windows.last_hash
    assert cut == (right if hit else None)
    assert in_validation(right, kept[1], (kept[2:3], kept[3:4])).tolist() == [
        row <= right.last_validation for row in rows
    ]
    if hit:
        validation, undecided = foreseen(windows, kept[1])
        validation[undecided] = in_validation(right, kept[1], (kept[2:3], kept[3:4]))[undecided]
        assert validation.tolist() == [row <= right.last_validation for row in rows]


@given(small_tasks(max_examples=60), st.integers(2, 6))
def test_groups_of_shards_add_up(task, num_shards):
    """``together`` is associative, so a runner may combine in a tree of any form."""
    windows = Windows.around(task)
    parts = [find(task, windows, packed(windows, kept)) for kept in kept_by_shard(task, num_shards)]
    flat = together(parts)
    nested = together([together(parts[:1]), together([]), together([together(parts[1:-1]), parts[-1]])])
    for field in dataclasses.fields(flat):
        assert np.array_equal(getattr(flat, field.name), getattr(nested, field.name))
