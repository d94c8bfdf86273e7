"""Probes: sets of questions that are right, unseen, or complete."""

import numpy as np
import pytest

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.numbers import from_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data import question_sets, records


@pytest.mark.parametrize("name", ["addition", "subtraction", "pq"])
def test_the_test_set_shares_no_key(data_dir, tasks, name):
    task = tasks[name]
    source = records.open_source(task, str(data_dir))
    splits = [source.splits[split].head(1000).questions for split in ("train", "validation")]
    seen = question_sets.keys(task, text.operands(task, np.concatenate(splits)))
    assert len(np.unique(seen)) == task.num_examples
    trained, nothing = question_sets.KeySet(task, seen), question_sets.KeySet(task, seen[:0])
    fresh = question_sets.keys(task, question_sets.unseen(task, trained.has, seed=1, most=10**6))
    assert 0 < len(fresh) <= task.num_examples
    assert len(np.unique(fresh)) == len(fresh)
    assert not np.isin(fresh, seen).any()
    few = question_sets.keys(task, question_sets.unseen(task, trained.has, seed=1, most=10))
    np.testing.assert_array_equal(few, fresh[:10])
    everything = question_sets.keys(task, question_sets.unseen(task, nothing.has, seed=1, most=10**6))
    assert len(everything) == task.num_examples
    np.testing.assert_array_equal(fresh, everything[~np.isin(everything, seen)])


@pytest.mark.parametrize(
    ("task", "values"),
    [
        (Task("addition", size=1), range(10)),
        (Task("multiplication", size=2), range(100)),
        (Task("pq", size=7, num_examples=10), range(1, 8)),
        (Task("modular_addition", size=11), range(11)),
    ],
)
def test_all_questions(task, values):
    left, right = (side[0].tolist() for side in question_sets.all_questions(task))
    assert sorted(zip(left, right, strict=True)) == [(a, b) for a in values for b in values]


def test_a_key_set_knows_pairs_of_more_and_fewer_words():
    task = Task("addition", size=20)
    trained = question_sets.KeySet(task, question_sets.keys(task, (from_ints([10**19, 4], 2), from_ints([7, 5], 2))))
    pairs = [(7, 10**19, True), (5, 4, True), (4, 4, False), (10**19, 7 + 10**36, False), (5 + 10**18, 4, False)]
    left, right, expected = zip(*pairs, strict=True)
    assert trained.has((from_ints(left, 3), from_ints(right, 3))).tolist() == list(expected)
    assert trained.has((from_ints([5, 7]), from_ints([4, 7]))).tolist() == [True, False]


def test_keys_of_long_numbers_are_told_apart():
    task = Task("subtraction", size=40)
    operands = from_ints([10**39, 1, 10**39 + 10**18], 3), from_ints([1, 10**39, 1], 3)
    keys = question_sets.keys(task, operands)
    assert [question_sets.pair(task, key) for key in keys] == [(1, 10**39), (1, 10**39), (1, 10**39 + 10**18)]
    assert np.isin(keys, keys[:1]).tolist() == [True, True, False]


@pytest.mark.parametrize("deviations", [6, 0])
@pytest.mark.parametrize("name", ["addition", "pq"])
def test_a_search_in_the_files_finds_the_pairs_of_the_training_set(data_dir, tasks, monkeypatch, name, deviations):
    """Also if a row is not where it should be; and it reads only some rows for a few questions."""
    split = records.open_source(tasks[name], str(data_dir)).splits["train"]
    held, searched = question_sets.trained_on(split), question_sets.KeySearch(split)
    assert isinstance(held, question_sets.KeySet)
    monkeypatch.setattr(question_sets, "MAX_IN_MEMORY", 10)
    assert question_sets.trained_on(split) == searched
    monkeypatch.setattr(question_sets, "DEVIATIONS", deviations)
    monkeypatch.setattr(records.Split, "rows_per_range", 3)
    rng = np.random.default_rng(0)
    smallest = tasks[name].notation.smallest
    most = 10 ** tasks[name].size if name == "addition" else tasks[name].size + 1
    drawn = tuple(rng.integers(smallest, most, (1, 3000)).astype(np.uint64) for _ in range(2))
    trained = text.operands(tasks[name], split.head(2000).questions)
    both = tuple(np.concatenate(sides, axis=1) for sides in zip(drawn, trained, strict=True))
    np.testing.assert_array_equal(searched.has(both), held.has(both))
    assert searched.has(trained).all()
    assert searched.has((trained[0][:, :1], trained[1][:, :1])).tolist() == [True]
    longer = tuple(np.pad(side, ((0, 1), (0, 0))) for side in both)
    np.testing.assert_array_equal(searched.has(longer), held.has(both))
