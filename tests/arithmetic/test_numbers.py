"""Numbers of any length, against Python's own integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import numbers

WORDS = st.integers(1, 4)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """A number of words and pairs of operands. Values at the ends of words and equal operands are common."""
    words = draw(WORDS)
    most = 10 ** (18 * words) - 1
    edges = sorted({min(most, 10**place + more) for place in range(0, 18 * words, 9) for more in (-1, 0, 1)} | {most})
    operand = st.one_of(st.sampled_from(edges), st.integers(0, most))
    both = draw(st.lists(st.one_of(st.tuples(operand, operand), operand.map(lambda v: (v, v))), min_size=1))
    left, right = zip(*both, strict=True)
    return words, list(left), list(right)


@given(pairs())
def test_arithmetic(given_pairs):
    words, left, right = given_pairs
    a, b = numbers.from_ints(left, words), numbers.from_ints(right, words)
    both = list(zip(left, right, strict=True))
    assert numbers.to_ints(numbers.add(a, b)) == [x + y for x, y in both]
    magnitude, negative = numbers.subtract(a, b)
    assert numbers.to_ints(magnitude) == [abs(x - y) for x, y in both]
    assert negative.tolist() == [x < y for x, y in both]
    assert numbers.less(a, b).tolist() == [x < y for x, y in both]
    low, high = numbers.min_max(a, b)
    assert (numbers.to_ints(low), numbers.to_ints(high)) == ([min(pair) for pair in both], [max(pair) for pair in both])
    product = numbers.multiply(a, b, 2 * words)
    assert numbers.to_ints(product) == [x * y for x, y in both]
    assert (product < 10**18).all()
    # None of the functions may change its arguments.
    assert (numbers.to_ints(a), numbers.to_ints(b)) == (left, right)


@pytest.mark.parametrize("digits", [300, 999, 1000])
def test_long_products_of_nines(digits):
    """The limbs' sums are at their largest."""
    words, value = numbers.num_words(digits), 10**digits - 1
    array = numbers.from_ints([value, 1], words)
    assert numbers.to_ints(numbers.multiply(array, array, numbers.num_words(2 * digits))) == [value**2, 1]
