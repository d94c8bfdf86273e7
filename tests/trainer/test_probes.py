import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines import OPERATIONS, Task
from seq2seq_arith.trainer import inputs, probes
from seq2seq_arith.trainer.codec import to_strings


@given(st.sampled_from(sorted(OPERATIONS)), st.integers(1, 18), st.booleans(), st.data())
def test_operands_are_read_back(name, digits, reverse, data):
    task = Task(name, min(digits, OPERATIONS[name].max_digits), 10, reverse=reverse)
    low, high = (1, task.digits) if name == "pq" else (0, 10**task.digits - 1)
    pairs = data.draw(st.lists(st.tuples(st.integers(low, high), st.integers(low, high)), min_size=1, max_size=9))
    left, right = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    found = probes.operands_of(task, probes.examples(task, (left, right)).questions)
    np.testing.assert_array_equal(found[0], left)
    np.testing.assert_array_equal(found[1], right)


def test_examples_are_right():
    examples = probes.examples(Task("subtraction"), (np.array([5, 12], np.uint64), np.array([30, 2], np.uint64)))
    assert to_strings(examples.questions) == ["5-30       ", "12-2       "]
    assert to_strings(examples.answers) == ["-25   ", "10    "]


@pytest.mark.parametrize("name", ["addition", "subtraction", "pq"])
def test_the_third_set_shares_no_key(data_dir, tasks, name):
    task = tasks[name]
    source = inputs.open_source(task, str(data_dir))
    splits = [inputs.read_split(source, split).questions for split in ("train", "validation")]
    seen = probes.keys(task, probes.operands_of(task, np.concatenate(splits)))
    assert len(np.unique(seen)) == task.num_examples
    fresh = probes.keys(task, probes.unseen(task, seen, seed=1))
    assert 0 < len(fresh) <= task.num_examples
    assert len(np.unique(fresh)) == len(fresh)
    assert not np.isin(fresh, seen).any()
    everything = probes.keys(task, probes.unseen(task, seen[:0], seed=1))
    assert len(everything) == task.num_examples
    np.testing.assert_array_equal(fresh, everything[~np.isin(everything, seen)])


def test_keys_know_no_order_unless_told():
    pair = np.array([3], np.uint64), np.array([5], np.uint64)
    plain, ordered = Task("addition"), Task("addition", ordered=True)
    assert probes.keys(plain, pair) == probes.keys(plain, pair[::-1])
    assert probes.keys(ordered, pair) != probes.keys(ordered, pair[::-1])


def test_all_questions():
    left, right = probes.all_questions(Task("addition", digits=1))
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(a, b) for a in range(10) for b in range(10)]


@pytest.mark.parametrize("length", [1, 2, 9, 18])
def test_numbers_of_a_length(length):
    left, right = probes.of_length(Task("addition", digits=18), length, 1000)
    assert all(len(str(max(pair))) == length for pair in zip(left.tolist(), right.tolist(), strict=True))
    assert 300 < np.sum(left >= right) < 700
    assert {len(str(low)) for low in np.minimum(left, right).tolist()} == set(range(1, length + 1))


def test_dashes_of_a_length():
    longer = np.maximum(*probes.of_length(Task("pq", digits=1000), 1000, 1000))
    assert longer.min() >= 900
    assert longer.max() <= 1000
