"""Exact scaling of words, against Python's own integers."""

import numpy as np
import reference
from hypothesis import example, given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import splitmix

WORDS = st.integers(0, 2**64 - 1)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


@given(st.lists(WORDS, min_size=1), st.integers(0, 2**32 - 1))
@example([2**64 - 1, 2**32 - 1, 2**32, 2**63], 2**32 - 1)
@example([2**64 - 1], 0)
def test_uniform_is_exact(words, bound):
    given_array = numbers(*words)
    assert splitmix.uniform(given_array, bound).tolist() == [reference.uniform(word, bound) for word in words]
    assert given_array.tolist() == words


@given(st.lists(st.tuples(WORDS, st.integers(1, 2**32 - 1)), min_size=1))
def test_uniform_with_a_bound_each(pairs):
    words, bounds = zip(*pairs, strict=True)
    assert splitmix.uniform(numbers(*words), numbers(*bounds)).tolist() == [w * m >> 64 for w, m in pairs]
