"""The second set of slices, ``held_out``, of addition, subtraction and multiplication: no recipe was tuned on it.

The slices of ``slices`` were known while the draws and the recipes were designed, so that ``structured`` draws contain
some of their kinds. The held-out slices were added after the recipes were fixed. Tune neither a recipe nor the draws of
a training on them. A score without the name of a set is a score on the first set, ``standard``.

No name depends on D. A slice is left out at each D at which it has no questions: two chains need three digit positions.

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

Digits = Callable[..., str]  # (words, length, **options) to the digits of a number, the first of which is not 0
Draw = Callable[[Words, int], Pair]  # (words, D) to the operands of one question
Carries = Callable[[Words, int], list[bool]]  # (words, count) to whether each digit position carries, units first


def _both(number: Digits, least: int, **options: Any) -> Draw:
    """Draws both operands by ``number``, with lengths that are uniform from ``least`` to D."""

    def draw(words: Words, size: int) -> Pair:
        left, right = (int(number(words, words.between(least, size), **options)) for _ in range(2))
        return left, right

    return draw


def _evens_odds(words: Words, size: int) -> Pair:
    even, odd = (int(words.text(words.between(1, size), digits)) for digits in ("02468", "13579"))
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
    unused = list(number)
    return int(number), int("".join(unused.pop(words.below(len(unused))) for _ in number))


def _shifted(words: Words, size: int) -> Pair:
    length = words.between(1, size - 1)
    number = int(words.text(length, DIGITS))
    return words.swapped(number, number * 10 ** words.between(1, size - length))


def _two_chains(words: Words, count: int) -> list[bool]:
    """Two chains between four different borders: from the first to the second, and from the third to the last."""
    borders = list(range(count + 1))
    a, b, c, d = sorted(borders.pop(words.below(len(borders))) for _ in range(4))
    return [a <= place < b or c <= place < d for place in range(count)]


def _every_second(words: Words, count: int) -> list[bool]:
    first = words.below(2)
    return [place % 2 == first for place in range(count)]


def _at_positions(words: Words, size: int, carries: Carries, lends: bool) -> Pair:
    """A borrow is a carry of 9 - a and b; the first digit cannot borrow."""
    if not lends:
        return carrying(words, carries(words, size))
    complement, right = carrying(words, [*carries(words, size - 1), False])
    return words.swapped(10**size - 1 - complement, right)


def _middle(words: Words, size: int, lends: bool) -> Pair:
    """Numbers of D and of at most D/2 digits; the carries begin in the shorter one, and end beyond its first digit."""
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
    """One digit from 1 to 8, repeated; repeated nines are a slice of the first set."""
    return int(str(words.between(1, 8)) * words.between(2, size))


# The slices that are defined by the digits of the operands.
OF_DIGITS = (
    Slice("eights-nines", "All digits are 8 or 9: sums of two digits are large, and their differences small.",
          _both(Words.text, 1, allowed="89")),
    Slice("fours-fives", "All digits are 4 or 5, so two digits sum to 8, 9 or 10: around the threshold of a carry.",
          _both(Words.text, 1, allowed="45")),
    Slice("zeros-nines", "All digits are 0 or 9, in random order rather than in runs.",
          _both(Words.text, 1, allowed="09"), least=2),
    Slice("evens-odds", "The digits of one operand are all even, and those of the other are all odd.", _evens_odds),
    Slice("period-2", "Two digits alternate in each operand, so every second digit position looks alike.",
          _both(_periodic, 3, period=2), least=3),
    Slice("period-3", "Three digits repeat in turn in each operand, so every third digit position looks alike.",
          _both(_periodic, 4, period=3), least=4),
    Slice("palindromes", "Each operand is a palindrome: it reads the same from both ends.",
          _both(palindrome, 2), least=2),
    Slice("staircases", "The digits of each operand rise or fall by one per position; 0 follows 9.",
          _both(_staircase, 3), least=3),
    Slice("runs", "Each operand consists of runs of two or three equal digits, which random draws rarely have.",
          _both(_runs, 4), least=4),
    Slice("reversed", "The right operand is the left one with its digits reversed.", _reversed, least=2),
    Slice("anagrams", "Both operands have the same digits, in random order, so only their order matters.",
          _anagrams, least=2),
    Slice("shifted", "One operand is the other one followed by zeros: the same digits at higher positions.",
          _shifted, least=2),
)  # fmt: skip


def _of_carries(lends: bool) -> tuple[Slice, ...]:
    """The slices that are defined by the positions that carry, or borrow in subtraction (``lends``)."""
    carries = "borrows" if lends else "carries"
    at_positions = functools.partial(_at_positions, lends=lends)
    return (
        Slice("two-chains", f"There are exactly two separate chains of {carries}, of random lengths.",
              functools.partial(at_positions, carries=_two_chains), least=3 + lends),
        Slice("many-chains",
              f"There are as many separate chains of {carries} as possible, at every second digit position.",
              functools.partial(at_positions, carries=_every_second), least=4 + lends),
        Slice("middle-chain",
              f"A chain of {carries} begins in the shorter operand, passes its first digit and ends before digit D.",
              functools.partial(_middle, lends=lends), least=3),
        Slice("interleaved", "At each digit position, exactly one of the operands has a 0.", _interleaved,
              least=2),
    )  # fmt: skip


ADDITION = (
    *OF_DIGITS,
    *_of_carries(lends=False),
    Slice("answer-repeated", "The answer repeats a single digit, which reveals nothing about the operands.",
          lambda words, d: of_sum(words, _repdigit(words, d)), least=2),
)  # fmt: skip
SUBTRACTION = (
    *OF_DIGITS,
    *_of_carries(lends=True),
    Slice("answer-repeated", "The answer repeats a single digit, with either sign.",
          lambda words, d: of_difference(words, d, _repdigit(words, d)), least=2),
)  # fmt: skip


def addition(size: int) -> list[Slice]:
    """The held-out slices of addition of at most D digits."""
    return of_size(ADDITION, size)


def subtraction(size: int) -> list[Slice]:
    """The held-out slices of subtraction of at most D digits; the first digit lends, and cannot borrow."""
    return of_size(SUBTRACTION, size)


def multiplication(size: int) -> list[Slice]:
    """The held-out slices of multiplication of at most D digits: those that are defined by digits, not by carries."""
    return of_size(OF_DIGITS, size)
