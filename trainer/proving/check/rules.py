"""The tasks: all questions of any length, and the right answer to each, column by column from the units upwards.

A rule has finitely many states. A question is a path through them, and each of its columns is a transition, which reads
two characters (``SYMBOLS``) and says which character is right. Both operands are numbers without leading zeros.

A state is a tuple of integers: whether it is before the first column, the states of both operands, and

- for addition, the carry;
- for subtraction, whether the difference is negative, the borrow, whether a digit of the answer follows, and whether
  the minus sign was written. The first and the third are guessed at the start and in each column, because they depend
  on later columns; a path with a wrong guess never reaches an end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from reading import Refused, require

CHARACTERS = "0123456789 "
SYMBOLS = [(left, right) for left in CHARACTERS for right in CHARACTERS]
# The characters of each task, in the order of their ids.
ALPHABETS = {"addition": " +0123456789", "subtraction": " +-0123456789", "pq": " -pq"}

# The states of an operand that is read from its units upwards.
NOTHING, DIGIT, ZERO_ABOVE, ZERO, ENDED = range(5)  # ZERO_ABOVE: the last digit is 0, so another one must follow

State = tuple[int, ...]


@dataclass(frozen=True)
class Automaton:
    """A finite automaton, whose paths from an initial to a final state are strings of symbols."""

    initial: np.ndarray  # bool [states]
    final: np.ndarray  # bool [states]
    source: np.ndarray  # the state before each transition, int64 [transitions]
    target: np.ndarray  # the state after it
    symbol: np.ndarray  # an index into SYMBOLS
    right: np.ndarray  # the id of the right character


def operand(state: int, character: str) -> int | None:
    """The state of an operand after one more character; None if no number continues so."""
    if character == " ":
        return ENDED if state in (DIGIT, ZERO, ENDED) else None
    if state == ENDED:
        return None
    if character == "0":
        return ZERO if state == NOTHING else ZERO_ABOVE
    return DIGIT


def addition(state: State, left: int, right: int, ends: bool) -> Iterator[tuple[str, State]]:
    (carry,) = state
    total = left + right + carry
    yield " " if ends and not carry else str(total % 10), (total // 10,)


def subtraction(state: State, left: int, right: int, ends: bool) -> Iterator[tuple[str, State]]:
    negative, borrow, follows, signed = state
    difference = (right - left if negative else left - right) - borrow
    digit, borrow = difference % 10, int(difference < 0)
    if follows:
        yield str(digit), (negative, borrow, 1, signed)
        if digit:  # the first digit of an answer is not 0
            yield str(digit), (negative, borrow, 0, signed)
    elif digit == 0 and negative and not signed:
        yield "-", (negative, borrow, 0, 1)
    elif digit == 0:
        yield " ", (negative, borrow, 0, signed)


# For each task: its rule, the states in which it can start, and those in which a question can end.
RULES: dict[str, tuple[Callable[[State, int, int, bool], Iterator[tuple[str, State]]], list[State], list[State]]] = {
    "addition": (addition, [(0,)], [(0,)]),
    "subtraction": (subtraction, [(0, 0, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0)], [(0, 0, 0, 0), (1, 0, 0, 1)]),
}


def transitions(task: str) -> tuple[list[tuple[State, State, int, str]], set[State], set[State]]:
    """All transitions of a rule that are on a way from a start to an end, and its initial and final states."""
    rule, starts, ends = RULES[task]
    queue, rows = [(1, NOTHING, NOTHING, *state) for state in starts], []
    initial, seen = set(queue), set(queue)
    for state in queue:  # which grows in the loop
        for symbol, (left, right) in enumerate(SYMBOLS):
            of_left, of_right = operand(state[1], left), operand(state[2], right)
            if of_left is None or of_right is None:
                continue
            values = [int(character) if character != " " else 0 for character in (left, right)]
            for written, after in rule(state[3:], values[0], values[1], left == right == " "):
                # The difference 0 has no digit that follows; it is written as one zero.
                is_zero = task == "subtraction" and state == (1, NOTHING, NOTHING, 0, 0, 0, 0)
                target = (0, of_left, of_right, *after)
                rows.append((state, target, symbol, "0" if is_zero else written))
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
    final = {state for state in seen if state[:3] == (0, ENDED, ENDED) and state[3:] in ends}
    alive = set(final)
    while new := {source for source, target, *_ in rows if target in alive} - alive:
        alive |= new
    return [row for row in rows if row[1] in alive], initial & alive, final


def automaton(task: str, states: np.ndarray) -> Automaton:
    """The automaton of a task, whose states have the numbers of the rows of a certificate, int64 [states, fields]."""
    if task not in RULES:
        raise Refused(f"there is no rule for the task {task}; there is one for {', '.join(RULES)}")
    rows, initial, final = transitions(task)
    numbers = {tuple(state): number for number, state in enumerate(states.tolist())}
    known = {state for row in rows for state in row[:2]} | initial
    require(known <= numbers.keys(), "the certificate lacks a state of the questions")
    alphabet = ALPHABETS[task]
    table = np.array([(numbers[row[0]], numbers[row[1]], row[2], alphabet.index(row[3])) for row in rows])

    def flags(chosen: set[State]) -> np.ndarray:
        return np.array([tuple(state) in chosen for state in states.tolist()])

    source, target, symbol, right = table.T
    return Automaton(flags(initial), flags(final), source, target, symbol, right)


def pairs(task: str) -> np.ndarray:
    """The ids of the two characters of each symbol, int64 [symbols, 2]."""
    return np.array([[ALPHABETS[task].index(character) for character in symbol] for symbol in SYMBOLS])
