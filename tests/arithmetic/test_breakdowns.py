"""The groups of examples, against plain integers."""

from hypothesis import given
from hypothesis import strategies as st
from reference import chains

from seq2seq_arith.arithmetic import breakdowns
from seq2seq_arith.arithmetic.numbers import from_ints


@given(st.lists(st.tuples(*[st.integers(0, 10**40 - 1)] * 2), min_size=1, max_size=20))
def test_carries_and_borrows(pairs):
    sides = [from_ints(side, 3) for side in zip(*pairs, strict=True)]
    for borrows, counts, longest in (
        (False, breakdowns.carries, breakdowns.longest_carries),
        (True, breakdowns.borrows, breakdowns.longest_borrows),
    ):
        runs = [[*map(len, chains(left, right, 41, borrows))] for left, right in pairs]
        assert counts(*sides).tolist() == [*map(sum, runs)]
        assert longest(*sides).tolist() == [max(lengths, default=0) for lengths in runs]


def test_sign():
    left, right = (from_ints(side, 2) for side in ([5, 7, 10**20, 0], [6, 7, 2, 10**19]))
    assert breakdowns.sign(left, right).tolist() == ["negative", "zero", "positive", "negative"]
