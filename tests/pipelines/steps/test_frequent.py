"""Finding repeated short pairs among the early draws with a table, against a dict."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import columns, operand_pairs, tasks

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.numbers import to_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps import frequent

TASKS = tasks(names=("addition", "subtraction", "multiplication"))


@given(st.data())
def test_each_short_pair_has_a_number_of_its_own(data):
    task = data.draw(TASKS)
    keys = [reference.key(task, *pair) for pair in data.draw(operand_pairs(task))]
    places, pairs = frequent.short_pairs(task, columns(task, keys))
    short = [(min(key) < 10 and max(key) < 10_000) or (min(key) < 100 and max(key) < 1000) for key in keys]
    assert places.tolist() == np.flatnonzero(short).tolist()
    number_of = dict(zip((keys[place] for place in places), pairs.tolist(), strict=True))
    assert len(set(number_of.values())) == len(number_of)
    assert all(0 <= number < frequent.PAIRS * (2 if task.ordered else 1) for number in number_of.values())


@pytest.mark.parametrize("task", [Task(digits=4), Task("subtraction", digits=2, ordered=True)], ids=str)
def test_numbers_do_not_overlap(task):
    """The numbers of all short pairs differ."""
    x, y = np.meshgrid(np.arange(100, dtype=np.uint64), np.arange(10_000, dtype=np.uint64))
    x, y = x.ravel(), y.ravel()
    upper = x <= y
    keys = [(x[np.newaxis, upper], y[np.newaxis, upper])]
    if task.ordered:
        keys.append((y[np.newaxis, x < y], x[np.newaxis, x < y]))
    numbers = np.concatenate([frequent.short_pairs(task, key)[1] for key in keys])
    assert len(np.unique(numbers)) == len(numbers) > 90_000


def test_a_long_number_whose_lowest_word_is_small_is_not_short():
    """Numbers of 20 digits have two words: 10^18 + 5 has the words 5 and 1."""
    task = Task(digits=20)
    keys = [(3, 10**18 + 5), (3, 5), (3, 2 * 10**18)]
    assert frequent.short_pairs(task, columns(task, keys))[0].tolist() == [1]
    task = Task(digits=40)
    assert frequent.short_pairs(task, columns(task, [(3, 10**36 + 5), (3, 10**18 + 5)]))[0].tolist() == []


@given(TASKS, st.integers(0, 500))
def test_first_draws(task, count):
    found = frequent.first_draws(task, count)
    first: dict[tuple[int, int], int] = {}
    for i in range(count):
        first.setdefault(reference.key(task, *reference.draw(task, i)), i)
    numbers = np.arange(1000, dtype=np.uint64)
    repeated = found.repeated(task, numbers, draws.key(task, *draws.operands(task, numbers)))
    for i in range(1000):
        key = reference.key(task, *reference.draw(task, i))
        short = (min(key) < 10 and max(key) < 10_000) or (min(key) < 100 and max(key) < 1000)
        assert repeated[i] == (short and first.get(key, i) < i)


@pytest.mark.parametrize("task", [Task("pq", digits=1000), Task(digits=4), Task("subtraction", digits=3)], ids=str)
@pytest.mark.parametrize("first", [2**32 - 1000, 2**32 + 12_345, 2**40])
def test_draws_beyond_what_32_bits_count(task, first):
    """The first draw of a short pair that is not among the early draws is kept, however late it comes."""
    early = [reference.key(task, *reference.draw(task, i)) for i in range(100)]
    found = frequent.first_draws(task, len(early))
    numbers = np.arange(first, first + 3000, dtype=np.uint64)
    key = draws.key(task, *draws.operands(task, numbers))
    short = set(frequent.short_pairs(task, key)[0].tolist())
    pairs = zip(*map(to_ints, key), strict=True)
    expected = [i in short and pair in early for i, pair in enumerate(pairs)]
    assert len(short) > sum(expected)
    assert found.repeated(task, numbers, key).tolist() == expected


@pytest.mark.parametrize(
    ("task", "num_draws", "early"),
    [(Task(), 150_000, 9375), (Task(digits=8), 10**12, 2**24), (Task("pq"), 10**6, 0), (Task(draws="value"), 10**6, 0)],
    ids=str,
)
def test_how_many_draws_are_early(task, num_draws, early):
    assert frequent.early_draws(task, num_draws) == early
