"""Rules that write an answer column by column, the units first, as in written arithmetic; a proof of a model needs one.

Such a rule has finitely many states, so it is a *finite-state transducer*: it reads the two characters of a column and
writes one. For a sum, its state is the carry::

    978 + 156     column    0    1    2    3    4
                  left      8    7    9
                  right     6    5    1
                  carry     0    1    1    1    0
                  written   4    3    1    1

The right character can depend on later columns: the sign of a difference does. So a rule may be nondeterministic: it
continues in several ways, one per guess, and a wrong guess never reaches an end. Exactly one way of each question
reaches an end.

The rule of a task is its ``Operation.transducer``. A custom task may have one, too: see ``examples/times_digit.py``.
``trainer/proving`` follows all ways of a rule, that is, all questions of every length.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

DIGITS, BLANK = "0123456789", " "

# The state of an operand: no digit was read; the last one is not 0; is 0 after others; the number is "0"; it is over.
NOT_BEGUN, READ, TOP_ZERO, ZERO, OVER = range(5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transducer:
    """A rule that writes an answer column by column.

    Attributes:
      starts: The states before the first column.
      step: From a state and the two characters of a column, digits or blanks, to all possible transitions: the
        character that is written, and the next state. None if no question continues with these characters.
      is_end: From a state to whether a question may end in it. At least one column of blanks follows each question.
    """

    starts: tuple[Hashable, ...]
    step: Callable[[Any, str, str], Iterator[tuple[str, Any]]]
    is_end: Callable[[Any], bool]


def digit(character: str) -> int:
    """The value of a digit; a blank counts as 0."""
    return 0 if character == BLANK else int(character)


def read(state: int, character: str) -> int | None:
    """The state of an operand after one more character, from the units; None if no number continues with it.

    A number has no leading zeros, so the last digit that is read is not 0, unless the number is 0.

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
    left: int  # the state of the left operand, as in ``read``
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
    """The rule guesses whether the difference is negative and, in each column, whether another digit follows."""

    left: int  # the state of the left operand, as in ``read``
    right: int
    is_negative: bool
    borrow: int
    more: bool  # whether another digit of the answer follows
    has_sign: bool  # whether the sign was written


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
    elif not written:  # only zeros follow the last digit, and these are not written
        is_equal = state.left == state.right == NOT_BEGUN  # the start of an answer without digits
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
