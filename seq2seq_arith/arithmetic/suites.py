"""Suites (challenge sets): hard questions in named slices, which test a model beyond random questions.

A slice is a pure function of (task, D, slice, seed, index): the random words of one question are SplitMix64's
output from a state that is the first 8 bytes, little-endian, of the sha256 of ``suite 1 TASK D SLICE SEED INDEX``. A
slice of n questions contains the first n different pairs of operands, by index; fewer if 10·n indices give fewer.

The questions of a slice never change. A new version of the suites adds slices, so any earlier version of a
suite can still be evaluated, and the version of a suite is that of its newest slice.

>>> nines = Slice("nines", "All digits are nines.", lambda words, d: (10**d - 1, 10 ** words.between(1, d) - 1))
>>> pairs("addition", 3, nines, count=3)
[(999, 99), (999, 999), (999, 9)]

This module draws the questions of a slice. A suite has the set of slices ``standard``, in ``slices``: a score that
names no set is on it. Addition, subtraction and multiplication have a second set, ``held_out``, in the module of that
name. ``Operation.slices`` returns them.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence

from seq2seq_arith.arithmetic.splitmix import GOLDEN, MASK64, mix64_int
from seq2seq_arith.base import options

VERSION = 2  # of the newest slices
TRIES = 10  # indices per requested question
STANDARD, HELD_OUT = SETS = ("standard", "held_out")
MAX_TABLE = 20_000  # a table with at most this number of pairs is used as a whole, without sampling

Pair = tuple[int, ...]


class Words:
    """The random words of one question, consumed in order."""

    def __init__(self, *key: object) -> None:
        text = " ".join(map(str, ("suite", 1, *key)))
        self._state = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    def below(self, bound: int) -> int:
        """A number from 0 to ``bound`` - 1, from so many words that the bias is below 2^-32."""
        value = bits = 0
        while not bits or bits < bound.bit_length() + 32:
            self._state = self._state + GOLDEN & MASK64
            value, bits = value << 64 | mix64_int(self._state), bits + 64
        return value * bound >> bits

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def coin(self) -> bool:
        return bool(self.below(2))

    def text(self, length: int, allowed: str) -> str:
        """``length`` of the ``allowed`` characters, the first of which is not 0."""
        first = allowed.replace("0", "")
        return "".join(choice[self.below(len(choice))] for choice in [first, *[allowed] * (length - 1)])

    def swapped(self, left: int, right: int) -> Pair:
        """The two numbers in either order."""
        return (right, left) if self.coin() else (left, right)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Which questions of a suite to draw."""

    per_slice: int = options.option(
        "maximum number of questions per slice, except for slices that are a complete table of pairs",
        default=1000,
        low=1,
        high=10**6,
    )
    seed: int = options.option("seed of the questions", default=0, low=0, high=MASK64)
    set: str = options.option(
        "set of slices: standard, or held_out, on which no recipe is tuned", default=STANDARD, choices=SETS
    )
    version: int = options.option("version of the suite", default=VERSION, low=1, high=VERSION, flag="suite-version")

    def __post_init__(self) -> None:
        options.check(self)


DEFAULT = SuiteOptions()  # the questions without any options


@dataclasses.dataclass(frozen=True)
class Slice:
    """Questions of one kind."""

    name: str  # unique within a task and D, over both sets
    why: str  # why it is hard, in one sentence
    draw: Callable[[Words, int], Pair]  # (words, D) to the operands of one question
    # D to all pairs, for slices of which all pairs can be evaluated where they are few.
    table: Callable[[int], Iterator[Pair]] | None = None
    since: int = 1  # the first version of the suites that contains it
    least: int = 1  # the smallest D at which it has questions; see ``slices.of_size``


def version(slices: Sequence[Slice]) -> int:
    """The version of a suite of these slices."""
    return max((slice.since for slice in slices), default=1)


def pairs(task: str, size: int, slice: Slice, seed: int = 0, count: int = 1000) -> list[Pair]:
    """The operands of a slice's questions, each pair once: at most ``count``, or the whole table if it is small."""
    if slice.table and size**2 <= MAX_TABLE:
        return list(slice.table(size))
    operands: dict[Pair, None] = {}
    for index in range(TRIES * count):
        if len(operands) == count:
            break
        operands[slice.draw(Words(task, size, slice.name, seed, index), size)] = None
    return list(operands)
