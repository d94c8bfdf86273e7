"""Every question of any length, with its right answer, as a finite automaton that is independent of any model.

An input format that pairs digits, such as ``aligned``, shows a question as columns, the units first, with blanks after
the last digit of an operand. The task's ``Transducer`` (``arithmetic/columns.py``) defines which columns are a
question, and the right character in each. A path from an initial to a final state is one question, and each question is
one path if its numbers have no leading zeros, and at least one pair of blanks follows it.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.columns import BLANK, DIGITS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import where

CHARACTERS = DIGITS + BLANK  # of a column
MAX_STATES = 20_000  # of a transducer
PAIRS = [(left, right) for left in CHARACTERS for right in CHARACTERS]  # the possible columns, by symbol


@dataclasses.dataclass(frozen=True)
class Automaton:
    """A finite automaton: states between the steps of a string, and a transition per step; a path is a string."""

    initial: np.ndarray  # bool [states]
    final: np.ndarray  # bool [states]
    source: np.ndarray  # the state before each transition, int64 [transitions]
    target: np.ndarray  # the state after it, int64 [transitions]
    symbol: np.ndarray  # the symbol that a transition reads, an index into ``PAIRS``, int64 [transitions]
    right: np.ndarray  # the id of the right character at the transition, int64 [transitions]

    def accepts(self, symbols: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Whether a path reads these symbols and writes these ids, int64 [strings, steps] both: bool [strings]."""
        accepted = []
        for string in zip(symbols, right, strict=True):
            reached = self.initial
            for symbol, written in zip(*string, strict=True):
                edges = (self.symbol == symbol) & (self.right == written) & reached[self.source]
                reached = np.zeros_like(reached)
                reached[self.target[edges]] = True
            accepted.append((reached & self.final).any())
        return np.array(accepted)


def symbols(ids: np.ndarray, alphabet: str) -> np.ndarray:
    """The symbols of columns, int64 [...], from the ids of their characters [..., 2]; negative for other characters."""
    numbers = np.array([CHARACTERS.find(character) for character in alphabet])[ids]
    left, right = numbers[..., 0], numbers[..., 1]
    return np.where((left < 0) | (right < 0), -1, left * len(CHARACTERS) + right)


def pair_ids(alphabet: str) -> np.ndarray:
    """The ids of the two characters of each symbol, int64 [symbols, 2]: the inverse of ``symbols``."""
    return np.array([[alphabet.index(character) for character in pair] for pair in PAIRS])


def question_automaton(task: Task) -> Automaton:
    """All questions of a task with a transducer: its states that are reachable and lead to an end.

    Raises InputError as ``question_states``.
    """
    return question_states(task)[0]


def question_states(task: Task) -> tuple[Automaton, np.ndarray]:
    """As ``question_automaton``, and what each state is, for a certificate.

    This is int8 [states, 1 + fields]: whether it is before the first column, and the fields of the transducer's state,
    which are small integers for a task of this package; for a custom task, nothing more.

    Raises InputError if the transducer of a custom task fails, writes characters outside the task's alphabet, or has
    more than ``MAX_STATES`` states.
    """
    rule = task.operation.transducer
    assert rule is not None
    # The states before the first column are apart, because a custom rule may return to a state in which it starts.
    numbers: dict[Any, int] = {}
    queue, rows = list[Any](rule.starts), []
    for source, state in enumerate(queue):  # the queue grows in the loop
        for symbol, pair in enumerate(PAIRS):
            for written, after in _ways(task, state, pair):
                if after not in numbers:
                    numbers[after] = len(queue)
                    queue.append(after)
                rows.append((source, numbers[after], symbol, task.alphabet.index(written)))
        if len(queue) > MAX_STATES:
            raise InputError(
                f"the transducer of {task.name} has more than {MAX_STATES:,} states; give one with a smaller memory"
            )
    final = np.array([rule.is_end(state) for state in queue])
    final[: len(rule.starts)] = False  # a question has at least one column
    if not rows or not final.any():
        raise InputError(f"the transducer of {task.name} has no path to an end; give one that ends after a question")
    source, target, symbol, right = np.array(rows).T
    alive = _leading_on(final, source, target)
    is_kept, number = alive[source] & alive[target], np.cumsum(alive) - 1
    is_initial = np.arange(len(queue)) < len(rule.starts)
    fields = [[] if task.own else [*map(int, state)] for state in queue]
    states = np.array([[start, *row] for start, row in zip(is_initial, fields, strict=True)], np.int8)
    automaton = Automaton(
        initial=is_initial[alive],
        final=final[alive],
        source=number[source[is_kept]],
        target=number[target[is_kept]],
        symbol=symbol[is_kept],
        right=right[is_kept],
    )
    return automaton, states[alive]


def _leading_on(final: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The states from which a path leads to a final state: bool [states]."""
    alive = final
    while True:
        before, alive = alive, alive | (np.bincount(source, alive[target], len(alive)) > 0)
        if (alive == before).all():
            return alive


def _ways(task: Task, state: Any, pair: tuple[str, str]) -> list[tuple[str, Any]]:
    """The steps from a state of the task's transducer, which may be custom code."""
    rule, own = task.operation.transducer, task.own
    try:
        ways = list(rule.step(state, *pair)) if rule else []
        foreign = [written for written, _ in ways if len(written) != 1 or written not in task.alphabet]
    except Exception as error:
        if own is None:
            raise
        raise InputError(f"the transducer of {task.name} fails: {where(error, Path(own.place))}") from None
    if foreign:
        raise InputError(
            f"the transducer of {task.name} writes {foreign[0]!r}; give one character of its alphabet {task.alphabet!r}"
        )
    return ways
