"""Paths through the automata of ``seq2seq_arith.trainer.proving``."""

import numpy as np

from seq2seq_arith.trainer.proving import automata
from seq2seq_arith.trainer.proving.questions import PAIRS, Automaton


def symbols_of(left: str, right: str, steps: int) -> list[int]:
    """The symbols of a question, the units first, and blank behind its ends."""
    columns = zip(left[::-1].ljust(steps), right[::-1].ljust(steps), strict=True)
    return [PAIRS.index(column) for column in columns]


class Paths:
    """Finds all paths from an initial to a final state along some symbols, as lists of transitions."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self._out = automata.Groups(automaton.source * 121 + automaton.symbol, len(automaton.initial) * 121)

    def __call__(self, symbols: list[int]) -> list[list[int]]:
        ways = [(state, []) for state in np.flatnonzero(self.automaton.initial).tolist()]
        for symbol in symbols:
            places, edges = self._out.members(np.array([state * 121 + symbol for state, _ in ways], np.int64))
            targets = self.automaton.target[edges].tolist()
            ways = [
                (target, [*ways[place][1], edge])
                for place, edge, target in zip(places, edges.tolist(), targets, strict=True)
            ]
        return [way for state, way in ways if self.automaton.final[state]]
