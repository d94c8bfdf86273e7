"""Rules that write an answer column by column, the units first, as at school: all that a proof needs to know of a task.

Such a rule has finitely many states, and so is a *finite-state transducer*: it reads the two characters of a column,
and writes one. For a sum, all that it remembers is the carry::

    978 + 156     column    0    1    2    3    4
                  left      8    7    9
                  right     6    5    1
                  carry     0    1    1    1    0
                  written   4    3    1    1

What is right in a column can depend on later columns, as the sign of a difference does. So a rule may go on in several
ways, each of which is a guess, and a way whose guess turns out wrong never ends. Each question has one way to an end.

A task's rule is its ``Operation.transducer``, also that of a task of one's own: ``examples/times_digit.py`` has one.
``trainer/proving`` follows all ways of a rule, which are all questions of any length.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

DIGITS, BLANK = "0123456789", " "

# How far an operand has been read: no digit yet; its top digit so far is not 0; is 0 behind others; it is "0"; over.
NOT_BEGUN, READ, TOP_ZERO, ZERO, OVER = range(5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transducer:
    """A rule that writes an answer column by column.

    Attributes:
      starts: The states before the first column.
      step: From a state and the two characters of a column, digits or blanks, to the ways to go on: the character that
        is written, and the state after it. No way if no question goes on so.
      is_end: From a state to whether a question may end there. At least one column of blanks is behind each question.
    """

    starts: tuple[Hashable, ...]
    step: Callable[[Any, str, str], Iterator[tuple[str, Any]]]
    is_end: Callable[[Any], bool]


def digit(character: str) -> int:
    """The value of a digit; a blank counts as 0."""
    return 0 if character == BLANK else int(character)


def read(state: int, character: str) -> int | None:
    """How far an operand has been read after one more character, from the units; None if no number goes on so.

    A number has no zeros in front, so its last digit is not 0, unless it is the number 0.

    >>> read(READ, "0") == TOP_ZERO, read(TOP_ZERO, BLANK), read(ZERO, BLANK) == OVER
    (True, None, True)
    """
    if character == BLANK:
        return OVER if state in (READ, ZERO, OVER) else None
    if state == OVER:
        return None
    if character != "0":
        return READ
    return ZERO if state == NOT_BEGUN else TOP_ZERO


class _Sum(NamedTuple):
    left: int  # how far it has been read
    right: int
    carry: int


def _add(state: _Sum, left: str, right: str) -> Iterator[tuple[str, _Sum]]:
    after = read(state.left, left), read(state.right, right)
    if None in after:
        return
    total = digit(left) + digit(right) + state.carry
    is_over = left == right == BLANK and not state.carry
    yield BLANK if is_over else str(total % 10), _Sum(*after, total // 10)  # pyright: ignore


ADDITION = Transducer(
    starts=(_Sum(NOT_BEGUN, NOT_BEGUN, 0),), step=_add, is_end=lambda state: state == _Sum(OVER, OVER, 0)
)


class _Difference(NamedTuple):
    """Guessed are whether it is negative, and at each step whether a digit of the answer is still to come."""

    left: int  # how far it has been read
    right: int
    is_negative: bool
    borrow: int
    more: bool  # whether a digit is still to come
    has_sign: bool  # whether the sign is written


def _subtract(state: _Difference, left: str, right: str) -> Iterator[tuple[str, _Difference]]:
    after = read(state.left, left), read(state.right, right)
    if None in after:
        return
    larger, smaller = (right, left) if state.is_negative else (left, right)
    difference = digit(larger) - digit(smaller) - state.borrow
    written, borrow = difference % 10, int(difference < 0)
    reached = state._replace(left=after[0], right=after[1], borrow=borrow)
    if state.more:
        # The last digit that is written is not 0.
        for more in (False, True) if written else (True,):
            yield str(written), reached._replace(more=more)
    elif not written:  # behind the last digit there are only zeros, which are not written
        is_equal = state.left == state.right == NOT_BEGUN  # no digit is to come from the start on
        is_sign = state.is_negative and not state.has_sign
        character = "0" if is_equal else "-" if is_sign else BLANK
        yield character, reached._replace(has_sign=state.has_sign or is_sign)


def _is_difference(state: _Difference) -> bool:
    is_over = state.left == state.right == OVER and not state.borrow and not state.more
    return is_over and state.has_sign == state.is_negative


SUBTRACTION = Transducer(
    starts=tuple(
        _Difference(NOT_BEGUN, NOT_BEGUN, is_negative, 0, more, False)
        for is_negative, more in ((False, False), (False, True), (True, True))
    ),
    step=_subtract,
    is_end=_is_difference,
)
