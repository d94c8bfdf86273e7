"""The groups of examples, against plain integers."""

from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import breakdowns
from seq2seq_arith.arithmetic.numbers import from_ints


def carries_by_hand(left: int, right: int) -> list[int]:
    """For each place, the units first, whether 1 is carried out of it."""
    carried, carry = [], 0
    while left or right:
        carry = int(left % 10 + right % 10 + carry >= 10)
        carried, left, right = [*carried, carry], left // 10, right // 10
    return carried


def borrows_by_hand(left: int, right: int) -> list[int]:
    """For each place, the units first, whether it borrows."""
    high, low = max(left, right), min(left, right)
    borrowed, borrow = [], 0
    while high or low:
        borrow = int(high % 10 - low % 10 - borrow < 0)
        borrowed, high, low = [*borrowed, borrow], high // 10, low // 10
    return borrowed


def longest(places: list[int]) -> int:
    return max(map(len, "".join(map(str, places)).split("0")))


@given(st.lists(st.tuples(*[st.integers(0, 10**40 - 1)] * 2), min_size=1, max_size=20))
def test_carries_and_borrows(pairs):
    left, right = (from_ints(side, 3) for side in zip(*pairs, strict=True))
    carried, borrowed = ([by_hand(*pair) for pair in pairs] for by_hand in (carries_by_hand, borrows_by_hand))
    assert breakdowns.carries(left, right).tolist() == list(map(sum, carried))
    assert breakdowns.borrows(left, right).tolist() == list(map(sum, borrowed))
    assert breakdowns.longest_carries(left, right).tolist() == list(map(longest, carried))
    assert breakdowns.longest_borrows(left, right).tolist() == list(map(longest, borrowed))


def test_sign():
    left, right = (from_ints(side, 2) for side in ([5, 7, 10**20, 0], [6, 7, 2, 10**19]))
    assert breakdowns.sign(left, right).tolist() == ["negative", "zero", "positive", "negative"]
