import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer import breakdown, probes


def carries_by_hand(left: int, right: int) -> int:
    count = carry = 0
    while left or right:
        carry = int(left % 10 + right % 10 + carry >= 10)
        count, left, right = count + carry, left // 10, right // 10
    return count


def borrows_by_hand(left: int, right: int) -> int:
    high, low = max(left, right), min(left, right)
    count = borrow = 0
    while high or low:
        borrow = int(high % 10 - low % 10 - borrow < 0)
        count, high, low = count + borrow, high // 10, low // 10
    return count


@given(st.lists(st.tuples(*[st.integers(0, 10**18 - 1)] * 2), min_size=1, max_size=20))
def test_carries_and_borrows(pairs):
    left, right = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    assert breakdown.carries(left, right).tolist() == [carries_by_hand(*pair) for pair in pairs]
    assert breakdown.borrows(left, right).tolist() == [borrows_by_hand(*pair) for pair in pairs]


@pytest.mark.parametrize(("value", "length"), [(0, 1), (9, 1), (10, 2), (99, 2), (100, 3), (10**18 - 1, 18)])
def test_lengths(value, length):
    assert breakdown.lengths(Task("addition", digits=18), np.array([value], np.uint64)).tolist() == [length]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (Task("addition", num_examples=100), {"operand lengths", "carries", "answer length"}),
        (Task("subtraction", digits=12), {"operand lengths", "borrows", "sign", "answer length"}),
        (Task("pq", digits=50), {"operand lengths", "answer length"}),
    ],
)
def test_every_table_counts_every_example_once(task, names):
    operands = probes.of_length(task, task.digits, 500)
    examples = probes.examples(task, operands)
    exact = np.random.default_rng(0).random(500) < 0.7
    tables = breakdown.breakdown(task, operands, examples.answers, exact)
    assert set(tables) == names
    for rows in tables.values():
        assert sum(row["examples"] for row in rows) == 500
        assert sum(row["examples"] * row["exact_match"] for row in rows) == pytest.approx(exact.sum())


def test_groups_are_told_apart():
    task = Task("subtraction")
    operands = np.array([5, 10, 7, 123], np.uint64), np.array([9, 3, 7, 45], np.uint64)
    examples = probes.examples(task, operands)
    tables = breakdown.breakdown(task, operands, examples.answers, np.array([True, False, True, True]))
    assert tables["sign"] == [
        {"sign": "negative", "examples": 1, "exact_match": 1.0},
        {"sign": "positive", "examples": 2, "exact_match": 0.5},
        {"sign": "zero", "examples": 1, "exact_match": 1.0},
    ]
    assert tables["borrows"] == [
        {"borrows": 0, "examples": 2, "exact_match": 1.0},
        {"borrows": 1, "examples": 1, "exact_match": 0.0},
        {"borrows": 2, "examples": 1, "exact_match": 1.0},
    ]
    assert {"left": "3", "right": "2", "examples": 1, "exact_match": 1.0} in tables["operand lengths"]
