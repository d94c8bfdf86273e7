"""The second set of each suite, ``held_out``: slices that were made when the recipes were fixed already.

The slices of ``slices`` were known while draws and recipes were made, so that ``structured`` draws are partly of their
kinds. These came later, and **nobody tunes on them**: neither a recipe nor the draws of a training. A figure without
the name of a set is of the first set, ``standard``.

No name depends on D. A slice that has no question at a D is left out there: two chains need three places.

>>> [len(list(addition(size))) for size in (1, 2, 3, 5, 40)]
[3, 10, 14, 17, 17]
>>> from seq2seq_arith.arithmetic.suites import pairs
>>> chains = next(slice for slice in addition(5) if slice.name == "two-chains")
>>> pairs("addition", 5, chains, count=3)
[(19461, 37399), (59069, 99138), (83192, 43956)]
"""

import functools
from collections.abc import Callable
from typing import Any

from seq2seq_arith.arithmetic.slices import DIGITS, carrying, of_difference, of_size, of_sum, palindrome, past_short
from seq2seq_arith.arithmetic.suites import Pair, Slice, Words

Digits = Callable[..., str]  # (words, length, more by name) to the digits of a number, the first of which is not 0
Draw = Callable[[Words, int], Pair]  # (words, D) to the operands of one question
Carries = Callable[[Words, int], list[bool]]  # (words, places) to whether each place carries, the units first


def _both(number: Digits, least: int, **given: Any) -> Draw:
    """Both operands are such numbers, of lengths that are uniform from ``least`` to D."""

    def draw(words: Words, size: int) -> Pair:
        left, right = (int(number(words, words.between(least, size), **given)) for _ in range(2))
        return left, right

    return draw


def _evens_odds(words: Words, size: int) -> Pair:
    even, odd = (int(words.text(words.between(1, size), each)) for each in ("02468", "13579"))
    return words.swapped(even, odd)


def _periodic(words: Words, length: int, period: int) -> str:
    pattern = "0" * period
    while len(set(pattern)) == 1:
        pattern = words.text(period, DIGITS)
    return (pattern * length)[:length]


def _staircase(words: Words, length: int) -> str:
    first, step = words.between(1, 9), 1 if words.coin() else -1
    return "".join(str((first + step * place) % 10) for place in range(length))


def _runs(words: Words, length: int) -> str:
    number = ""
    while len(number) < length:
        others = [digit for digit in DIGITS if digit != (number or "0")[-1]]
        number += others[words.below(9)] * words.between(2, 3)
    return number[:length]


def _reversed(words: Words, size: int) -> Pair:
    number = words.text(words.between(1, size - 1), DIGITS) + str(words.between(1, 9))
    return int(number), int(number[::-1])


def _anagrams(words: Words, size: int) -> Pair:
    number = words.text(words.between(2, size), "123456789")
    left = list(number)
    return int(number), int("".join(left.pop(words.below(len(left))) for _ in number))


def _shifted(words: Words, size: int) -> Pair:
    length = words.between(1, size - 1)
    number = int(words.text(length, DIGITS))
    return words.swapped(number, number * 10 ** words.between(1, size - length))


def _two_chains(words: Words, places: int) -> list[bool]:
    """Four different borders between places: from the first to the second is a chain, and from the third on."""
    borders = list(range(places + 1))
    a, b, c, d = sorted(borders.pop(words.below(len(borders))) for _ in range(4))
    return [a <= place < b or c <= place < d for place in range(places)]


def _every_second(words: Words, places: int) -> list[bool]:
    first = words.below(2)
    return [place % 2 == first for place in range(places)]


def _at_places(words: Words, size: int, carries: Carries, lends: bool) -> Pair:
    """A borrow is a carry of 9 - a and b; the first place does not borrow."""
    if not lends:
        return carrying(words, carries(words, size))
    complement, right = carrying(words, [*carries(words, size - 1), False])
    return words.swapped(10**size - 1 - complement, right)


def _middle(words: Words, size: int, lends: bool) -> Pair:
    """A number of D digits and one of at most half as many; the carries begin in the short one, and end behind it."""
    short = words.between(1, size // 2)
    begin, end = words.below(short), words.between(short, size - 2)
    return past_short(words, size, short, range(begin, end + 1), lends)


def _interleaved(words: Words, size: int) -> Pair:
    number = words.text(words.between(2, size), "123456789")
    left, right = (
        int("".join(digit if place % 2 == side else "0" for place, digit in enumerate(number))) for side in (0, 1)
    )
    return words.swapped(left, right)


def _repdigit(words: Words, size: int) -> int:
    """One digit from 1 to 8, repeated; nines alone are a slice of the first set."""
    return int(str(words.between(1, 8)) * words.between(2, size))


# The slices of which digits stand in the operands.
OF_DIGITS = (
    Slice("eights-nines", "All digits are 8 or 9: sums are large, differences small.",
          _both(Words.text, 1, allowed="89")),
    Slice("fours-fives", "All digits are 4 or 5: sums of places are 8, 9 or 10.", _both(Words.text, 1, allowed="45")),
    Slice("zeros-nines", "All digits are 0 or 9, in any order: not in runs.", _both(Words.text, 1, allowed="09"),
          least=2),
    Slice("evens-odds", "The digits of one operand are even, those of the other are odd.", _evens_odds),
    Slice("period-2", "Two digits take turns in each operand, so that every second place looks alike.",
          _both(_periodic, 3, period=2), least=3),
    Slice("period-3", "Three digits take turns in each operand.", _both(_periodic, 4, period=3), least=4),
    Slice("palindromes", "Each operand reads the same from both ends.", _both(palindrome, 2), least=2),
    Slice("staircases", "The digits of each operand go up or down by one, over 9 and 0.", _both(_staircase, 3),
          least=3),
    Slice("runs", "Each operand is made of runs of two or three equal digits.", _both(_runs, 4), least=4),
    Slice("reversed", "The right operand is the left one from its last digit to its first.", _reversed, least=2),
    Slice("anagrams", "Both operands have the same digits, in any order.", _anagrams, least=2),
    Slice("shifted", "One operand is the other with zeros behind it.", _shifted, least=2),
)  # fmt: skip


def _of_places(lends: bool) -> tuple[Slice, ...]:
    """The slices of which places carry, or borrow in subtraction, where the first place ``lends``."""
    what = "borrows" if lends else "carries"
    at_places = functools.partial(_at_places, lends=lends)
    return (
        Slice("two-chains", f"Exactly two separate chains of {what}, of any lengths.",
              functools.partial(at_places, carries=_two_chains), least=3 + lends),
        Slice("many-chains", f"As many separate chains of {what} as there can be, of one place each.",
              functools.partial(at_places, carries=_every_second), least=4 + lends),
        Slice("middle-chain",
              f"A number of D digits and a short one: a chain of {what} runs on behind the short one, and ends.",
              functools.partial(_middle, lends=lends), least=3),
        Slice("interleaved", "Where one operand has a digit, the other has a 0, place by place.", _interleaved,
              least=2),
    )  # fmt: skip


ADDITION = (
    *OF_DIGITS,
    *_of_places(lends=False),
    Slice("answer-repeated", "The answer repeats one digit: it says nothing of the operands.",
          lambda words, d: of_sum(words, _repdigit(words, d)), least=2),
)  # fmt: skip
SUBTRACTION = (
    *OF_DIGITS,
    *_of_places(lends=True),
    Slice("answer-repeated", "The answer repeats one digit, or is its negative.",
          lambda words, d: of_difference(words, d, _repdigit(words, d)), least=2),
)  # fmt: skip


def addition(size: int) -> list[Slice]:
    """The held-out slices of addition of at most so many digits."""
    return of_size(ADDITION, size)


def subtraction(size: int) -> list[Slice]:
    """The held-out slices of subtraction of at most so many digits; the first place lends, and cannot borrow."""
    return of_size(SUBTRACTION, size)


def multiplication(size: int) -> list[Slice]:
    """The held-out slices of multiplication of at most so many digits: those that do not speak of carries."""
    return of_size(OF_DIGITS, size)
