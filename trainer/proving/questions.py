"""Every question of any length, and its right answer, as a finite automaton that knows nothing of any model.

The view ``aligned`` shows a question as pairs of digits, the units first, and blank past the end of an operand. A path
from an initial to a final state is one question, and each question is one path: numbers without zeros in front, then
at least one pair of blanks. What is written depends on digits that come later, too, such as the sign of a difference.
So a state guesses, and a path whose guess turns out wrong does not end in a final state.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig

DIGITS = "0123456789"
BLANK = " "
# How far an operand has been read: no digit yet; its top digit so far is not 0; is 0 behind others; it is "0"; over.
NOT_BEGUN, READ, TOP_ZERO, ZERO, OVER = range(5)


@dataclasses.dataclass(frozen=True)
class Automaton:
    """States between the steps of a string, and the transitions that its steps are; a path is a string."""

    initial: np.ndarray  # bool [states]
    final: np.ndarray  # bool [states]
    source: np.ndarray  # the state before each transition, int64 [transitions]
    target: np.ndarray  # the state after it, int64 [transitions]
    # Which step a transition reads, int64 [transitions]; here 11 * left + right, where 10 is a blank.
    symbol: np.ndarray
    right: np.ndarray  # the id of the character that is right there, int64 [transitions]


def pairs() -> list[tuple[str, str]]:
    """What a step can hold, in the order of the symbols."""
    return [(left, right) for left in DIGITS + BLANK for right in DIGITS + BLANK]


def addition(alphabet: str) -> Automaton:
    """All sums."""

    def step(state: tuple[int, int, int], left: str, right: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
        *ends, carry = state
        after = _read(ends[0], left), _read(ends[1], right)
        if None in after:
            return
        total = _digit(left) + _digit(right) + carry
        is_over = left == right == BLANK and not carry
        yield BLANK if is_over else str(total % 10), (*after, total // 10)  # pyright: ignore

    return _explored([(NOT_BEGUN, NOT_BEGUN, 0)], step, lambda state: state == (OVER, OVER, 0), alphabet)


def subtraction(alphabet: str) -> Automaton:
    """All differences. Guessed are the sign, and at each step whether a digit of the answer is still to come."""

    def step(state: Any, left: str, right: str) -> Iterator[tuple[str, Any]]:
        *ends, negative, borrow, more, has_sign = state
        after = _read(ends[0], left), _read(ends[1], right)
        if None in after:
            return
        larger, smaller = (right, left) if negative else (left, right)
        difference = _digit(larger) - _digit(smaller) - borrow
        digit, borrow = difference % 10, int(difference < 0)
        if more:
            for still in (0, 1) if digit else (1,):
                yield str(digit), (*after, negative, borrow, still, has_sign)
        elif not digit:
            is_first = ends == [NOT_BEGUN, NOT_BEGUN]
            sign = negative and not has_sign
            yield "0" if is_first else "-" if sign else BLANK, (*after, negative, borrow, 0, has_sign or sign)

    starts = [(NOT_BEGUN, NOT_BEGUN, negative, 0, more, False) for negative, more in ((0, 0), (0, 1), (1, 1))]

    def is_end(state: Any) -> bool:
        *ends, negative, borrow, more, has_sign = state
        return ends == [OVER, OVER] and not borrow and not more and bool(has_sign) == bool(negative)

    return _explored(starts, step, is_end, alphabet)


def times_digit(alphabet: str) -> Automaton:
    """All products with one digit, of ``examples/times_digit.py``; that digit is seen at every step."""

    def step(state: tuple[int, str, int], left: str, right: str) -> Iterator[tuple[str, tuple[int, str, int]]]:
        end, digit, carry = state
        after = _read(end, left)
        if after is None or right == BLANK or digit not in ("", right):
            return
        total = _digit(left) * int(right) + carry
        # Nothing follows the last digit of a number but its carry, and nothing follows the 0 of a product with 0.
        is_over = not carry and (left == BLANK or (right == "0" and end != NOT_BEGUN))
        yield BLANK if is_over else str(total % 10), (after, right, total // 10)

    return _explored([(NOT_BEGUN, "", 0)], step, lambda state: state[0] == OVER and not state[2], alphabet)


QUESTIONS: dict[str, Callable[[str], Automaton]] = {"addition": addition, "subtraction": subtraction}
# Those of tasks of one's own, whose views are, too.
OWN_QUESTIONS: dict[str, Callable[[str], Automaton]] = {"times_digit": times_digit}
# The one other task that is proved, and of which model: its strings need no automaton.
COUNTED = ("pq", "counter")


def check_provable(task: Task, config: TrainConfig) -> None:
    """Raises InputError if a proof is asked of a task and a model that have none."""
    asked = name, model = task.name, config.model.name
    if config.prove and asked != COUNTED and (name not in QUESTIONS | OWN_QUESTIONS or model == COUNTED[1]):
        known = f"{' by '.join(COUNTED)}, and for {' and '.join(QUESTIONS)} by other models"
        raise InputError(f"prove is for {known}, and this is {name} by {model}; leave prove out, or give 0")


def _digit(character: str) -> int:
    return 0 if character == BLANK else int(character)


def _read(end: int, character: str) -> int | None:
    """How far an operand has been read after one more character; None if no number goes on so."""
    if character == BLANK:
        return OVER if end in (READ, ZERO, OVER) else None
    if end == OVER:
        return None
    if character != "0":
        return READ
    return ZERO if end == NOT_BEGUN else TOP_ZERO


def _explored(
    starts: Iterable[Hashable],
    step: Callable[[Any, str, str], Iterator[tuple[str, Any]]],
    is_end: Callable[[Any], bool],
    alphabet: str,
) -> Automaton:
    """The states that are reached from the starts and lead to an end, and the transitions between them."""
    numbers: dict[Any, int] = {start: number for number, start in enumerate(starts)}
    queue, count, found = list(numbers), len(numbers), []
    for state in queue:
        for symbol, (left, right) in enumerate(pairs()):
            for written, after in step(state, left, right):
                if after not in numbers:
                    numbers[after] = len(numbers)
                    queue.append(after)
                found.append((numbers[state], numbers[after], symbol, alphabet.index(written)))
    source, target, symbol, right = np.array(found).T
    alive = final = np.array([is_end(state) for state in numbers])
    for _ in numbers:
        alive = alive | np.bincount(source, alive[target], len(numbers)).astype(bool)
    kept = alive[source] & alive[target]
    number = np.cumsum(alive) - 1
    return Automaton(
        initial=(np.arange(len(numbers)) < count)[alive],
        final=final[alive],
        source=number[source[kept]],
        target=number[target[kept]],
        symbol=symbol[kept],
        right=right[kept],
    )
