"""The second set of each suite, ``unforeseen``: slices that were made when the recipes were fixed already.

The slices of ``slices`` were known while draws and recipes were made, so that ``structured`` draws are partly of their
kinds. These came later, and **nobody tunes on them**: neither a recipe nor the draws of a training. A figure without
the name of a set is of the first set, ``standard``.

No name depends on D. A slice that has no question at a D is left out there: two chains need three places.

>>> [len(list(addition(digits))) for digits in (1, 2, 3, 5, 40)]
[3, 10, 14, 17, 17]
>>> from seq2seq_arith.arithmetic.suites import pairs
>>> chains = next(slice for slice in addition(5) if slice.name == "two-chains")
>>> pairs("addition", 5, chains, count=3)
[(19461, 37399), (59069, 99138), (83192, 43956)]
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from seq2seq_arith.arithmetic.slices import carrying, of_difference, of_sum, past_short
from seq2seq_arith.arithmetic.suites import Pair, Slice, Words

Digits = Callable[..., str]  # (words, length, more by name) to the digits of a number, the first of which is not 0
Draw = Callable[[Words, int], Pair]  # (words, D) to the operands of one question
Carries = Callable[[Words, int], list[bool]]  # (words, places) to whether each place carries, the units first


def addition(digits: int) -> Iterator[Slice]:
    """The unforeseen slices of addition of at most so many digits."""
    yield from _of_digits(digits)
    yield from _of_places(digits, lends=False)
    if digits > 1:
        why = "The answer repeats one digit: it says nothing of the operands."
        yield Slice("answer-repeated", why, lambda words, d: of_sum(words, _repdigit(words, d)))


def subtraction(digits: int) -> Iterator[Slice]:
    """The unforeseen slices of subtraction of at most so many digits; the first place lends, and cannot borrow."""
    yield from _of_digits(digits)
    yield from _of_places(digits, lends=True)
    if digits > 1:
        why = "The answer repeats one digit, or is its negative."
        yield Slice("answer-repeated", why, lambda words, d: of_difference(words, d, _repdigit(words, d)))


def multiplication(digits: int) -> Iterator[Slice]:
    """The unforeseen slices of multiplication of at most so many digits: those that do not speak of carries."""
    yield from _of_digits(digits)


def _of_digits(digits: int) -> Iterator[Slice]:
    """The slices of which digits stand in the operands."""
    for name, least, why, draw in (
        ("eights-nines", 1, "All digits are 8 or 9: sums are large, differences small.",
         _both(Words.text, 1, allowed="89")),
        ("fours-fives", 1, "All digits are 4 or 5: sums of places are 8, 9 or 10.", _both(Words.text, 1, allowed="45")),
        ("zeros-nines", 2, "All digits are 0 or 9, in any order: not in runs.", _both(Words.text, 1, allowed="09")),
        ("evens-odds", 1, "The digits of one operand are even, those of the other are odd.", _evens_odds),
        ("period-2", 3, "Two digits take turns in each operand, so that every second place looks alike.",
         _both(_periodic, 3, period=2)),
        ("period-3", 4, "Three digits take turns in each operand.", _both(_periodic, 4, period=3)),
        ("palindromes", 2, "Each operand reads the same from both ends.", _both(palindrome, 2)),
        ("staircases", 3, "The digits of each operand go up or down by one, over 9 and 0.", _both(_staircase, 3)),
        ("runs", 4, "Each operand is made of runs of two or three equal digits.", _both(_runs, 4)),
        ("reversed", 2, "The right operand is the left one from its last digit to its first.", _reversed),
        ("anagrams", 2, "Both operands have the same digits, in any order.", _anagrams),
        ("shifted", 2, "One operand is the other with zeros behind it.", _shifted),
    ):  # fmt: skip
        if digits >= least:
            yield Slice(name, why, draw)


def _of_places(digits: int, lends: bool) -> Iterator[Slice]:
    """The slices of which places carry, or borrow in subtraction, where the first place ``lends``."""
    what, places = ("borrows", digits - 1) if lends else ("carries", digits)
    if places >= 3:
        why = f"Exactly two separate chains of {what}, of any lengths."
        yield Slice("two-chains", why, functools.partial(_at_places, carries=_two_chains, lends=lends))
    if places >= 4:
        why = f"As many separate chains of {what} as there can be, of one place each."
        yield Slice("many-chains", why, functools.partial(_at_places, carries=_every_second, lends=lends))
    if digits >= 3:
        why = f"A number of D digits and a short one: a chain of {what} runs on behind the short one, and ends."
        yield Slice("middle-chain", why, functools.partial(_middle, lends=lends))
    if digits >= 2:
        yield Slice("interleaved", "Where one operand has a digit, the other has a 0, place by place.", _interleaved)


def _both(number: Digits, least: int, **given: Any) -> Draw:
    """Both operands are such numbers, of lengths that are uniform from ``least`` to D."""

    def draw(words: Words, digits: int) -> Pair:
        left, right = (int(number(words, words.between(least, digits), **given)) for _ in range(2))
        return left, right

    return draw


def _evens_odds(words: Words, digits: int) -> Pair:
    even, odd = (int(words.text(words.between(1, digits), each)) for each in ("02468", "13579"))
    return words.swapped(even, odd)


def _periodic(words: Words, length: int, period: int) -> str:
    pattern = "0" * period
    while len(set(pattern)) == 1:
        pattern = words.text(period, "0123456789")
    return (pattern * length)[:length]


def palindrome(words: Words, length: int, allowed: str = "0123456789") -> str:
    """Some characters that read the same from both ends."""
    half = words.text((length + 1) // 2, allowed)
    return half + half[: length // 2][::-1]


def _staircase(words: Words, length: int) -> str:
    first, step = words.between(1, 9), 1 if words.coin() else -1
    return "".join(str((first + step * place) % 10) for place in range(length))


def _runs(words: Words, length: int) -> str:
    number = ""
    while len(number) < length:
        others = [digit for digit in "0123456789" if digit != (number or "0")[-1]]
        number += others[words.below(9)] * words.between(2, 3)
    return number[:length]


def _reversed(words: Words, digits: int) -> Pair:
    number = words.text(words.between(1, digits - 1), "0123456789") + str(words.between(1, 9))
    return int(number), int(number[::-1])


def _anagrams(words: Words, digits: int) -> Pair:
    number = words.text(words.between(2, digits), "123456789")
    left = list(number)
    return int(number), int("".join(left.pop(words.below(len(left))) for _ in number))


def _shifted(words: Words, digits: int) -> Pair:
    length = words.between(1, digits - 1)
    number = int(words.text(length, "0123456789"))
    return words.swapped(number, number * 10 ** words.between(1, digits - length))


def _two_chains(words: Words, places: int) -> list[bool]:
    """Four different borders between places: from the first to the second is a chain, and from the third on."""
    borders = list(range(places + 1))
    a, b, c, d = sorted(borders.pop(words.below(len(borders))) for _ in range(4))
    return [a <= place < b or c <= place < d for place in range(places)]


def _every_second(words: Words, places: int) -> list[bool]:
    first = words.below(2)
    return [place % 2 == first for place in range(places)]


def _at_places(words: Words, digits: int, carries: Carries, lends: bool) -> Pair:
    """A borrow is a carry of 9 - a and b; the first place does not borrow."""
    if not lends:
        return carrying(words, carries(words, digits))
    complement, right = carrying(words, [*carries(words, digits - 1), False])
    return words.swapped(10**digits - 1 - complement, right)


def _middle(words: Words, digits: int, lends: bool) -> Pair:
    """A number of D digits and one of at most half as many; the carries begin in the short one, and end behind it."""
    short = words.between(1, digits // 2)
    begin, end = words.below(short), words.between(short, digits - 2)
    return past_short(words, digits, short, range(begin, end + 1), lends)


def _interleaved(words: Words, digits: int) -> Pair:
    number = words.text(words.between(2, digits), "123456789")
    left, right = (
        int("".join(digit if place % 2 == side else "0" for place, digit in enumerate(number))) for side in (0, 1)
    )
    return words.swapped(left, right)


def _repdigit(words: Words, digits: int) -> int:
    """One digit from 1 to 8, repeated; nines alone are a slice of the first set."""
    return int(str(words.between(1, 8)) * words.between(2, digits))
