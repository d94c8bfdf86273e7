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
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.cutoff import (
    BUCKETS,
    Cutoff,
    WindowRows,
    Windows,
    added,
    cutoff,
    find,
    foreseen,
    histogram,
    in_validation,
    narrow,
    narrowed,
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


def same(a: WindowRows, b: WindowRows) -> bool:
    """Whether two groups of shards have the same rows, in any order."""
    return all(
        np.array_equal(np.sort(left, axis=0), np.sort(right, axis=0)) if isinstance(left, np.ndarray) else left == right
        for left, right in (
            (getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(WindowRows)
        )
    )


def by_full_sort(task: Task, kept: np.ndarray) -> Cutoff | None:
    """The cutoff of kept draws, rows as those of ``dedup.unique``, by the two sorts that define the data format."""
    x, y = (to_ints(number) for number in np.split(kept[2:], 2))
    rows = sorted(zip(*kept[:2].tolist(), x, y, strict=True))
    if len(rows) < task.num_examples:
        return None
    examples = rows[: task.num_examples]
    validation = sorted(row[1:] for row in examples)[: task.num_validation]
    return Cutoff(len(rows), examples[-1][0], validation[-1])


@given(small_tasks(), st.integers(1, 9))
@example(Task("addition", digits=1, num_examples=100, seed=4, ordered=True), 1)
@settings(max_examples=30)
def test_as_by_full_sort_and_as_the_loop_keeps(task, num_shards):
    kept = kept_by_shard(task, num_shards)
    windows = Windows.around(task)
    found = cutoff(task, windows, together(find(windows, shard) for shard in kept))
    assert found == by_full_sort(task, np.concatenate(kept, axis=1))
    expected = reference.dataset(task)
    assert found.last_draw + 1 == expected.draws_used
    last = max((reference.key_hash(task, 2, row.x, row.y), row.x, row.y) for row in expected.validation)
    assert found.last_validation == last


@given(SEEDS)
@settings(max_examples=5)
def test_windows_are_narrow_and_hit(seed):
    """At the default size a window holds under a tenth of the rows, and gives the cutoff of a window over all rows."""
    task = Task(seed=seed)
    kept = kept_by_shard(task, 1)[0]
    windows = Windows.around(task)
    found_rows = find(windows, kept)
    assert len(found_rows.rows_near_end) < kept.shape[1] / 10
    assert len(found_rows.rows_near_split) < kept.shape[1] / 10
    assert cutoff(task, windows, found_rows) == cutoff(task, EVERYTHING, find(EVERYTHING, kept))


@given(small_tasks(max_examples=60), st.data())
@settings(max_examples=30)
def test_any_windows_give_the_cutoff_or_nothing(task, data):
    """A window that misses its place gives None, never a wrong place."""
    kept = kept_by_shard(task, 1)[0]
    right = by_full_sort(task, kept)
    hashes = sorted(kept[1].tolist())
    first_hash, last_hash = sorted(data.draw(st.tuples(*[st.sampled_from([0, *hashes, 2**64 - 1])] * 2)))
    first_draw = data.draw(st.sampled_from([0, *kept[0].tolist(), 2**44]))
    windows = Windows(first_draw, first_hash, last_hash)
    hit = first_draw <= right.last_draw and first_hash <= right.last_validation[0] <= last_hash
    assert cutoff(task, windows, find(windows, kept)) == (right if hit else None)


@given(small_tasks(max_examples=100), st.integers(1, 6), st.booleans())
@settings(max_examples=30)
def test_narrowing_finds_the_same(task, num_shards, widest):
    """The rows that remain after narrowing hold both places, for any windows."""
    kept = kept_by_shard(task, num_shards)
    windows = EVERYTHING if widest else Windows.around(task)
    found_rows = [find(windows, shard) for shard in kept]
    spread = added(histogram(windows, part) for part in found_rows)
    assert (len(spread.draws), len(spread.hashes)) == (BUCKETS, BUCKETS)
    narrower = narrow(task, windows, spread)
    left = [narrowed(task, narrower, *packed(windows, part)) for part in kept]
    assert all(same(part, find(narrower, shard)) for part, shard in zip(left, kept, strict=True))
    assert cutoff(task, narrower, together(left)) == by_full_sort(task, np.concatenate(kept, axis=1))


def packed(windows: Windows, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the pipeline hands on of kept draws, as ``dedup.unique`` returns them."""
    return kept[0], *foreseen(windows, kept[1])


def test_narrowing_leaves_few_rows():
    task = Task("addition", digits=9, num_examples=1_000_000)
    windows, kept = Windows.around(task), kept_by_shard(task, 1)[0]
    found_rows = find(windows, kept)
    narrower = narrow(task, windows, histogram(windows, found_rows))
    left = narrowed(task, narrower, *packed(windows, kept))
    assert cutoff(task, narrower, left) == cutoff(task, windows, found_rows)
    assert len(found_rows.rows_near_end) > 10_000
    assert len(left.rows_near_end) <= 20
    assert len(left.rows_near_split) < len(found_rows.rows_near_split) / 5


@given(small_tasks(max_examples=60), st.data())
@settings(max_examples=30)
def test_any_narrower_windows_are_as_if_looked_for_at_once(task, data):
    kept = kept_by_shard(task, 1)[0]
    draws, hashes = [0, *kept[0].tolist(), 2**44], [0, *kept[1].tolist(), 2**64 - 1]
    first, *inner_draws, last = sorted(data.draw(st.tuples(*[st.sampled_from(draws)] * 4)))
    low, *inner_hashes, high = sorted(data.draw(st.tuples(*[st.sampled_from(hashes)] * 4)))
    wide = Windows(first_draw=first, last_draw=last, first_hash=low, last_hash=high)
    slim = Windows(
        first_draw=inner_draws[0], last_draw=inner_draws[1], first_hash=inner_hashes[0], last_hash=inner_hashes[1]
    )
    assert same(narrowed(task, slim, *packed(wide, kept)), find(slim, kept))


@pytest.mark.parametrize("missing", [1, 5, 19])
def test_too_few_keys(missing):
    task = Task(num_examples=20)
    kept = kept_by_shard(task, 1, 400)[0][:, : 20 - missing]
    found_rows = find(EVERYTHING, kept)
    assert cutoff(task, EVERYTHING, found_rows) is None
    narrower = narrow(task, EVERYTHING, histogram(EVERYTHING, found_rows))
    assert cutoff(task, narrower, narrowed(task, narrower, *packed(EVERYTHING, kept))) is None


def test_just_enough_keys():
    task = Task(num_examples=20)
    kept = kept_by_shard(task, 1, 400)[0][:, :20]
    assert cutoff(task, EVERYTHING, find(EVERYTHING, kept)) == by_full_sort(task, kept)


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
    found = cutoff(task, windows, find(windows, kept))
    hit = windows.first_hash <= right.last_validation[0] <= windows.last_hash
    assert found == (right if hit else None)
    assert in_validation(right, kept[1], (kept[2:3], kept[3:4])).tolist() == [
        row <= right.last_validation for row in rows
    ]
    if hit:
        validation, undecided = foreseen(windows, kept[1])
        validation[undecided] = in_validation(right, kept[1], (kept[2:3], kept[3:4]))[undecided]
        assert validation.tolist() == [row <= right.last_validation for row in rows]


@given(small_tasks(max_examples=60), st.integers(2, 6))
@settings(max_examples=20)
def test_groups_of_shards_add_up(task, num_shards):
    """``together`` is associative, so an engine may combine in a tree of any form."""
    windows = Windows.around(task)
    parts = [find(windows, kept) for kept in kept_by_shard(task, num_shards)]
    flat = together(parts)
    nested = together([together(parts[:1]), together([]), together([together(parts[1:-1]), parts[-1]])])
    for field in dataclasses.fields(flat):
        assert np.array_equal(getattr(flat, field.name), getattr(nested, field.name))


@pytest.mark.parametrize("num_examples", [10, 11, 50, 1000, 10**6, 10**9])
@pytest.mark.parametrize("widening", [1, 2, 64])
def test_windows_stay_in_range_and_widen(num_examples, widening):
    task = Task(digits=18, num_examples=num_examples)
    windows = Windows.around(task, widening)
    assert 0 <= windows.first_hash < 2**64 / 10 < windows.last_hash < 2**64
    assert 0 <= windows.first_draw < coverage.num_draws(task)
    wider = Windows.around(task, 2 * widening)
    assert wider.first_draw <= windows.first_draw
    assert wider.first_hash <= windows.first_hash
    assert wider.last_hash >= windows.last_hash
