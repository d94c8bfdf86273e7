"""From the number of a draw to operands, keys and hashes: the contract's vectors, and plain integers beside NumPy's."""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import SEEDS, tasks

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines import draws as d

WORDS = st.integers(0, 2**64 - 1)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_first_word():
    assert d.mix64_int(0 + d.GOLDEN) == reference.word(0, 0) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize(
    ("task", "draws"),
    [
        (Task("addition"), [(431, 9), (3, 7), (9, 76)]),
        (Task("subtraction"), [(43152, 9), (3, 7), (95, 76)]),
        (Task("pq"), [(884, 432), (27, 971), (107, 328)]),
        (Task("addition", digits=18), [(264337431527997, 327325764106346691), (7715, 761034421396467975)]),
    ],
    ids=lambda value: getattr(value, "config_name", ""),
)
def test_first_draws(task, draws):
    left, right = d.operands(task, np.arange(len(draws), dtype=np.uint64))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == draws
    assert [reference.draw(task, i) for i in range(len(draws))] == draws


@given(st.lists(WORDS, min_size=1))
@example([0, 1, 2**63, 2**64 - 1])
def test_mix64(values):
    given_array = numbers(*values)
    mixed = d.mix64(given_array)
    assert mixed.tolist() == [reference.mix64(value) for value in values]
    # It says that it overwrites what it is given, which saves an array a call.
    assert mixed is given_array


@given(WORDS, st.integers(0, 5))
def test_mix64_int_takes_any_integer(value, wraps):
    assert d.mix64_int(value + wraps * 2**64) == reference.mix64(value)


@given(st.lists(WORDS, min_size=1), st.integers(0, 2**32 - 1))
@example([2**64 - 1, 2**32 - 1, 2**32, 2**63], 2**32 - 1)
@example([2**64 - 1], 0)
def test_uniform_is_exact(words, bound):
    given_array = numbers(*words)
    assert d.uniform(given_array, bound).tolist() == [reference.uniform(word, bound) for word in words]
    assert given_array.tolist() == words


@given(st.lists(st.tuples(WORDS, st.integers(1, 2**32 - 1)), min_size=1))
def test_uniform_with_a_bound_each(pairs):
    words, bounds = zip(*pairs, strict=True)
    assert d.uniform(numbers(*words), numbers(*bounds)).tolist() == [w * m >> 64 for w, m in pairs]


@given(st.integers(1, 2**32 - 1), st.data())
def test_uniform_at_the_edge_of_a_number(bound, data):
    """The smallest word that gives a number, and the one below it."""
    value = data.draw(st.integers(1, bound - 1)) if bound > 1 else 0
    smallest = -(-(value << 64) // bound)
    assert d.uniform(numbers(smallest, max(0, smallest - 1)), bound).tolist() == [value, max(0, value - 1)]


@given(tasks(), st.lists(st.one_of(st.integers(0, 1000), st.integers(0, 2**44)), min_size=1, max_size=30))
def test_operands(task, draws):
    left, right = d.operands(task, numbers(*draws))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [reference.draw(task, i) for i in draws]
    assert left.dtype == right.dtype == np.uint64


@pytest.mark.parametrize("digits", range(1, 19))
def test_operands_of_every_length(digits):
    """Among 300 draws each length occurs, so every limb's bounds have been used."""
    task = Task("subtraction", digits=digits, seed=digits)
    left, right = d.operands(task, np.arange(300, dtype=np.uint64))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [reference.draw(task, i) for i in range(300)]
    assert len({len(str(value)) for value in left.tolist()}) == digits


@given(tasks(), st.integers(0, 2**40), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_chunks_do_not_matter(task, first, sizes):
    bounds = [first, *(first + size for size in itertools.accumulate(sizes))]
    whole = d.operands(task, np.arange(bounds[0], bounds[-1], dtype=np.uint64))
    pieces = [d.operands(task, np.arange(*pair, dtype=np.uint64)) for pair in itertools.pairwise(bounds)]
    for side in (0, 1):
        assert np.concatenate([piece[side] for piece in pieces]).tolist() == whole[side].tolist()


@given(tasks(), st.lists(st.tuples(WORDS, WORDS), min_size=1), SEEDS)
def test_keys_and_their_hashes(task, pairs, seed):
    left, right = (numbers(*side) for side in zip(*pairs, strict=True))
    key = d.key(task, left, right)
    keys = [reference.key(task, *pair) for pair in pairs]
    assert list(zip(*(part.tolist() for part in key), strict=True)) == keys
    for purpose in (d.ORDER, d.SPLIT):
        hashes = d.key_hash(task, purpose, key)
        assert hashes.tolist() == [reference.key_hash(task, purpose, x, y) for x, y in keys]
    # Neither call may change what it was given: mix64 works in place.
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == pairs


@given(tasks(ordered=False), WORDS, WORDS)
def test_which_pairs_are_one(task, x, y):
    swapped = d.key(task, numbers(x), numbers(y)) == d.key(task, numbers(y), numbers(x))
    assert swapped
    ordered = Task(**{"name": task.name, "digits": task.digits, "ordered": True})
    assert (d.key(ordered, numbers(x), numbers(y)) == d.key(ordered, numbers(y), numbers(x))) == (x == y)


@pytest.mark.parametrize("count", [0, 1, d.BLOCK - 1, d.BLOCK, d.BLOCK + 1, 3 * d.BLOCK])
def test_blocks_cover_each_row_once(count):
    blocks = list(d.blocks(count))
    assert [row for block in blocks for row in range(count)[block]] == list(range(count))
    assert all(block.stop - block.start <= d.BLOCK for block in blocks)


@pytest.mark.parametrize("digits", [1, 2, 3, 5, 9, 10, 18])
def test_numbers_are_distributed_as_in_the_notebook(digits):
    """The length is uniform and so is each digit, zeros in front included: a chi-squared test at 6 deviations."""
    task = Task("addition", digits=digits, seed=12345)
    draws = 100_000
    values = np.concatenate(d.operands(task, np.arange(draws, dtype=np.uint64)))
    shown = np.array([len(str(value)) for value in values.tolist()])
    observed = np.bincount(shown, minlength=digits + 1)[1:]
    # Of the values drawn with L digits, 9/10 have L without zeros in front, 9/100 have one less, and so on.
    expected = np.zeros(digits)
    for length in range(1, digits + 1):
        for seen in range(1, length + 1):
            share = 0.9 * 0.1 ** (length - seen) if seen > 1 else 0.1 ** (length - 1)
            expected[seen - 1] += len(values) * share / digits
    chi_squared = ((observed - expected) ** 2 / expected).sum()
    assert chi_squared < digits - 1 + 6 * (2 * max(1, digits - 1)) ** 0.5
    last_digits = np.bincount((values % np.uint64(10)).astype(int), minlength=10)
    assert ((last_digits - len(values) / 10) ** 2 / (len(values) / 10)).sum() < 9 + 6 * 18**0.5
