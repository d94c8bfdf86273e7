"""Samplers, which turn the random words of a draw into the operands of a question.

Each sampling scheme is an object. The entry of a task maps the names of its schemes, such as ``Task.draws``, to them.
Numbers are columns of words as in ``seq2seq_arith.arithmetic.numbers``.
"""

import abc
import functools

import numpy as np

from seq2seq_arith.arithmetic import numbers
from seq2seq_arith.arithmetic.letters import ALPHABET, DRAWN_LETTERS, joined
from seq2seq_arith.arithmetic.numbers import LIMB, LIMB_DIGITS
from seq2seq_arith.arithmetic.splitmix import Words, uniform

Operands = tuple[np.ndarray, ...]

# Longer numbers are so numerous that none is drawn twice; they are counted as if they had this many digits.
RARE_DIGITS = 40


class Sampler(abc.ABC):
    """A sampling scheme for the operands of a question; D is the size of a task."""

    pairs_only = False  # whether questions must have two operands
    has_short_pairs = False  # whether short operands are drawn as often as long ones, so that their pairs repeat
    share = 1.0  # the share of the draws with the distribution of ``values``; that of the rest is unknown

    @abc.abstractmethod
    def words_per_draw(self, size: int, arity: int = 2) -> int:
        """The number of consecutive random words of one draw."""

    @abc.abstractmethod
    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        """The operands of each draw, from left to right: uint64 of shape (words of a number, n) each."""

    @abc.abstractmethod
    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """All values of an operand, in classes of equal probability.

        Returns the number of values of each class and the probability of one value, both float64 of shape (classes,).
        If the probability depends on the length, class i has the values of i + 1 digits, and the last class also all
        longer ones.
        """

    @abc.abstractmethod
    def num_values(self, size: int) -> int:
        """The number of values of an operand."""


class _Digits(Sampler):
    """The length is uniform in 1..D, and every digit is uniform, leading zeros included, as in the notebook."""

    has_short_pairs = True

    def words_per_draw(self, size: int, arity: int = 2) -> int:
        return arity * _words_per_operand(size)

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        return tuple(_join(_limbs(size, words, side, _lengths(size, words, side))) for side in range(arity))

    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.arange(1, min(size, RARE_DIGITS) + 1)
        count = 9 * 10.0 ** (lengths - 1)
        count[0] = 10  # 0 is written with one digit
        # A value is drawn at its own length, and at any greater length with leading zeros.
        by_length = 1 / (size * 10.0**lengths)
        probability = by_length[::-1].cumsum()[::-1]
        if size > RARE_DIGITS:
            count[-1] = (1 - (count[:-1] * probability[:-1]).sum()) / probability[-1]
        return count, probability

    def num_values(self, size: int) -> int:
        return 10**size


class _Positive(_Digits):
    """As ``digits``, but a 0 becomes a 1: no divisor is 0."""

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        sides = super().operands(size, words, arity)
        for side in sides:
            side[0] += ~side.any(axis=0)
        return sides

    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        count, probability = super().values(size)
        count[0] = 9  # 1 is drawn more often than this
        return count, probability

    def num_values(self, size: int) -> int:
        return 10**size - 1


class _Value(_Digits):
    """Every value of at most D digits is equally likely."""

    has_short_pairs = False

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        return tuple(_join(_limbs(size, words, side, size - 1)) for side in range(arity))

    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        count = 10.0 ** min(size, RARE_DIGITS)
        return np.array([count]), np.array([1 / count])


class _Structured(_Digits):
    """Half of the draws are those of ``digits``; the other half is changed so that it has long carries and borrows.

    A changed draw replaces, three times, a run of digit positions of one operand, and then adds or subtracts one at one
    position of the right operand. Here L is the larger of the two drawn lengths, and position 0 is the units::

        positions        L-1 ... high-1 ... low ... 0
        replaced by              [ zeros, nines, or the digits that pass a carry on ]

    ``passes_on_nine``: a position passes a carry on if its digits sum to nine (addition); otherwise it passes a borrow
    on if its digits are equal (subtraction).
    """

    pairs_only = True
    share = 0.5

    def __init__(self, passes_on_nine: bool) -> None:
        self._passes_on_nine = passes_on_nine

    def words_per_draw(self, size: int, arity: int = 2) -> int:
        return 2 * _words_per_operand(size) + 12

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        shorter = [_lengths(size, words, side) for side in (0, 1)]
        left, right = (_limbs(size, words, side, shorter[side]) for side in (0, 1))
        first = 2 * _words_per_operand(size)
        rows = np.flatnonzero(words[first].view(np.int64) < 0)  # uniform(word, 2) = 1; the others stay as they are
        few, length = words.take(rows), np.maximum(*shorter).take(rows) + 1
        # A limb is exact as a float64, and dividing by powers of ten is far faster than with integers.
        a, b = ([limb.take(rows).astype(np.float64) for limb in side] for side in (left, right))
        for step in range(3):
            self._replace_run(size, a, b, length, few, first + 1 + 3 * step)
        b = _nudged(size, b, length, few, first + 10)
        for limbs, rearranged in zip(left + right, a + b, strict=True):
            limbs[rows] = rearranged.astype(np.int64).view(np.uint64)
        return _join(left), _join(right)

    def _replace_run(
        self, size: int, left: list[np.ndarray], right: list[np.ndarray], length: np.ndarray, words: Words, first: int
    ) -> None:
        """Replaces a run of digits of one operand, in place, by adding a difference; the limbs are float64 (n,)."""
        kind = uniform(words[first], 6)
        bound = (length + 1).view(np.uint64)
        ends = [uniform(words[first + 1 + i], bound).view(np.int64) for i in (0, 1)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        is_left, passes, filling = kind < np.uint64(2), kind >= np.uint64(4), _FILLINGS.take(kind.view(np.int64))
        of_left = is_left.astype(np.float64)
        for limb, (powers, inverses) in enumerate(zip(*_end_powers(size), strict=True)):
            a, b = left[limb], right[limb]
            target = np.where(is_left, a, b)
            source = np.where(passes, _NINES - a if self._passes_on_nine else a, filling)
            change = _above(source, target, powers.take(low), inverses.take(low))
            change -= _above(source, target, powers.take(high), inverses.take(high))
            a += (of_change := change * of_left)
            change -= of_change
            b += change


class _Counts(Sampler):
    """A count is uniform in 1..D."""

    smallest = 1

    def words_per_draw(self, size: int, arity: int = 2) -> int:
        return arity

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        return tuple((uniform(words[side], size) + np.uint64(self.smallest))[np.newaxis] for side in range(arity))

    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        return np.array([float(size)]), np.array([1 / size])

    def num_values(self, size: int) -> int:
        return size


class _Residues(_Counts):
    """A residue is uniform in 0..D - 1."""

    smallest = 0


class _Letters(Sampler):
    """The length of a word of letters is uniform in 1..D, or D if it is fixed; every letter is uniform."""

    def __init__(self, fixed: bool) -> None:
        self._fixed = fixed

    def words_per_draw(self, size: int, arity: int = 2) -> int:
        return arity * _words_per_operand(size, DRAWN_LETTERS)

    def operands(self, size: int, words: Words, arity: int = 2) -> Operands:
        return tuple(self._operand(size, words, side) for side in range(arity))

    def values(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        most = min(size, RARE_DIGITS)
        if self._fixed:
            return np.array([float(len(ALPHABET)) ** most]), np.array([float(len(ALPHABET)) ** -most])
        lengths = np.arange(1, most + 1)
        count, probability = float(len(ALPHABET)) ** lengths, 1 / (size * float(len(ALPHABET)) ** lengths)
        count[-1] *= 1 + size - most  # of the longer words, of which none is drawn twice
        return count, probability

    def num_values(self, size: int) -> int:
        return len(ALPHABET) ** size if self._fixed else sum(len(ALPHABET) ** length for length in range(1, size + 1))

    def _operand(self, size: int, words: Words, side: int) -> np.ndarray:
        count = _words_per_operand(size, DRAWN_LETTERS)
        length, *parts = (words[side * count + part] for part in range(count))
        length = uniform(length, size) + np.uint64(1)
        if self._fixed:
            length[:] = size
        return joined(parts, length)


DIGITS: Sampler = _Digits()
VALUE: Sampler = _Value()
POSITIVE: Sampler = _Positive()
CARRYING: Sampler = _Structured(passes_on_nine=True)
BORROWING: Sampler = _Structured(passes_on_nine=False)
COUNTS: Sampler = _Counts()
RESIDUES: Sampler = _Residues()
LETTERS: Sampler = _Letters(fixed=False)
FIXED_LETTERS: Sampler = _Letters(fixed=True)

_POWERS = np.array([float(10**n) for n in range(LIMB_DIGITS + 1)])
_NINES = float(LIMB - 1)
_FILLINGS = np.array(
    [0, _NINES, 0, _NINES, 0, 0]
)  # of a run, by kind; those of the last two kinds depend on the digits
_SIGNS = np.array([0.0, 1.0, -1.0])  # of a nudge, by kind


def _words_per_operand(size: int, per_word: int = LIMB_DIGITS) -> int:
    """W: one word for the length, and one for each limb, or for each six letters."""
    return 1 + -(-size // per_word)


def _lengths(size: int, words: Words, side: int) -> np.ndarray:
    """The drawn length minus one, of the left (0) or right (1) operand: int64 of shape (n,)."""
    return uniform(words[side * _words_per_operand(size)], size).view(np.int64)


def _limbs(size: int, words: Words, side: int, shorter: np.ndarray | int) -> list[np.ndarray]:
    """The limbs of the left (0) or right (1) operand, whose length is one more than ``shorter``."""
    first = side * _words_per_operand(size) + 1
    return [uniform(words[first + limb], np.take(bounds, shorter)) for limb, bounds in enumerate(_limb_bounds(size))]


@functools.cache
def _limb_bounds(size: int) -> list[np.ndarray]:
    """For each limb: from the length minus one to the number of values of the limb (1 beyond the length: only 0)."""
    lengths, lows = range(1, size + 1), range(0, size, LIMB_DIGITS)
    return [np.array([10 ** min(LIMB_DIGITS, max(0, n - low)) for n in lengths], np.uint64) for low in lows]


def _join(limbs: list[np.ndarray]) -> np.ndarray:
    """Limbs of nine digits as words of eighteen; overwrites the limbs."""
    for low, high in zip(limbs[::2], limbs[1::2], strict=False):
        high *= np.uint64(LIMB)
        low += high
    return numbers.stack(limbs[::2])


def _above(source: np.ndarray, target: np.ndarray, power: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Source minus target, of limbs without their digits below a power of ten; all float64 of shape (n,).

    Adding a half keeps a quotient away from whole numbers by more than its rounding error, so it is exact.
    """
    quotients = []
    for limbs in (source, target):
        quotient = limbs + 0.5
        quotient *= inverse
        quotients.append(np.floor(quotient, out=quotient))
    difference, of_target = quotients
    difference -= of_target
    difference *= power
    return difference


def _nudged(size: int, right: list[np.ndarray], length: np.ndarray, words: Words, first: int) -> list[np.ndarray]:
    """The right operand plus or minus one at one digit position, unless that changes its number of positions."""
    sign = _SIGNS.take(uniform(words[first], 3).view(np.int64))
    place = uniform(words[first + 1], length.view(np.uint64)).view(np.int64)
    moved, carry = [], np.float64(0)
    for limb, steps, powers in zip(right, _place_values(size), _end_powers(size)[0], strict=True):
        total = sign * steps.take(place)
        total += limb
        total += carry
        bound = powers.take(length)
        carry = (total >= bound).astype(np.float64)
        carry -= total < 0
        bound *= carry
        total -= bound
        moved.append(total)
    stays = carry != 0
    return [np.where(stays, old, new) for old, new in zip(right, moved, strict=True)]


@functools.cache
def _end_powers(size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each limb: from the end of a run, 0 to D, to the limb's power of ten there, and to its inverse."""
    ends = np.arange(size + 1)
    powers = [_POWERS.take(ends - low, mode="clip") for low in range(0, size, LIMB_DIGITS)]
    return powers, [1 / power for power in powers]


@functools.cache
def _place_values(size: int) -> list[np.ndarray]:
    """For each limb: from a digit position to the value of a one in the limb; 0 if it is in another limb."""
    places = np.arange(size)
    return [
        np.where(places // LIMB_DIGITS == limb, _POWERS.take(places % LIMB_DIGITS), 0.0)
        for limb in range(-(-size // LIMB_DIGITS))
    ]
