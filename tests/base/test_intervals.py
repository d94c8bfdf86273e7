"""Bounds on rates, against SciPy, and against the chances that define them, which are summed here in whole numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from seq2seq_arith.base.intervals import interval, lower_share, upper_bound

COUNTS = st.integers(1, 3000).flatmap(lambda questions: st.tuples(st.integers(0, questions), st.just(questions)))


def chance_of_at_most(count: int, of: int, rate: float) -> float:
    """The chance that at most ``found`` of so many happen, if each happens at this rate."""
    logs = (
        math.lgamma(of + 1)
        - math.lgamma(k + 1)
        - math.lgamma(of - k + 1)
        + k * math.log(rate)
        + (of - k) * math.log1p(-rate)
        for k in range(count + 1)
    )
    return math.fsum(map(math.exp, logs))


@given(COUNTS)
def test_at_the_bound_so_few_have_the_chance_that_is_left(counts):
    wrong, questions = counts
    bound = upper_bound(wrong, questions)
    if wrong == questions:
        assert bound == 1
    else:
        assert wrong / questions < bound < 1
        assert chance_of_at_most(wrong, questions, bound) == pytest.approx(0.05, rel=1e-6)
        assert bound < upper_bound(wrong + 1, questions)
    assert upper_bound(wrong, questions + 1) < bound
    assert lower_share(questions - wrong, questions) == 1 - bound


@given(COUNTS)
def test_the_interval_leaves_as_much_on_both_sides(counts):
    right, questions = counts
    low, high = interval(right, questions)
    assert 0 <= low <= right / questions <= high <= 1
    assert interval(questions - right, questions) == pytest.approx((1 - high, 1 - low))
    if right < questions:
        assert chance_of_at_most(right, questions, high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("questions", [1, 2, 7, 30, 1000, 5000, 10**5, 10**7])
@pytest.mark.parametrize("confidence", [1e-6, 0.025, 0.5, 0.95, 0.975, 1 - 1e-6])
def test_bounds_are_those_of_scipy(questions, confidence):
    for wrong in {0, 1, questions // 1000, questions // 3, questions // 2, questions - 1} - {questions}:
        expected = special.betaincinv(wrong + 1, questions - wrong, confidence)
        assert upper_bound(wrong, questions, confidence) == pytest.approx(expected, rel=1e-7), wrong


def test_nothing_asked_says_nothing():
    assert (upper_bound(0, 0), interval(0, 0), lower_share(0, 0)) == (1, (0, 1), 0)
