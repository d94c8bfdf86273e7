"""Keyed permutations: each number once, at a place that the key decides."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.trainer.data.permutation import Permutation, combined

SIZES = st.one_of(st.sampled_from([1, 2, 5, 1000, 12345]), st.integers(1, 3000))
KEYS = st.integers(0, 2**64 - 1)


@given(SIZES, KEYS)
def test_each_number_has_one_place(size, key):
    assert sorted(Permutation(size, key)(np.arange(size)).tolist()) == list(range(size))


@given(st.integers(2**20, 2**40), KEYS, st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=50))
def test_a_few_places_of_a_long_order(size, key, places):
    """Nothing of the rest of the order is made."""
    order = Permutation(size, key)
    numbers = order(np.array(places))
    assert len(set(numbers.tolist())) == len(set(places))
    assert 0 <= numbers.min() <= numbers.max() < size
    np.testing.assert_array_equal([order(np.array([place]))[0] for place in places], numbers)


def test_each_number_is_equally_often_at_each_place():
    """1,400 orders of 7 numbers: 200 of each at each place, with a standard deviation of 13."""
    orders = np.stack([Permutation(7, combined(3, key))(np.arange(7)) for key in range(1400)])
    counts = np.stack([np.bincount(column, minlength=7) for column in orders.T])
    assert np.abs(counts - 200).max() < 5 * 13
