"""The automaton that a network of latches is: that of all questions, with the latches of each layer beside it.

Here are only finite sets and NumPy; that the steps of latches are exact makes it finite.
"""

import dataclasses

import numpy as np

from seq2seq_arith.trainer.proving.questions import Automaton

NONE = -1  # where no step is: before the first one and behind the last
# Transitions that are explored at most; each takes about 200 bytes.
MOST = 30_000_000


class TooLargeError(Exception):
    """An automaton has more transitions than can be explored."""


def shortest(automaton: Automaton, transitions: np.ndarray, cases: np.ndarray, most: int) -> list[np.ndarray]:
    """The symbols of the shortest strings that have each of some cases, at most so many, the shortest string first.

    ``cases``, int64 [transitions], is the case that each of some transitions is.
    """
    back, before = _nearest(automaton.initial, automaton.source, automaton.target)
    on, behind = _nearest(automaton.final, automaton.target, automaton.source)
    order = np.lexsort([cases, before[automaton.source[transitions]] + behind[automaton.target[transitions]]])
    _, first = np.unique(cases[order], return_index=True)
    transitions = transitions[order[np.sort(first)[:most]]]
    columns = [automaton.symbol[transitions]]
    for last, ends, goes_back in ((back, automaton.source, True), (on, automaton.target, False)):
        edges = last[ends[transitions]]
        while (edges != NONE).any():
            columns.insert(0 if goes_back else len(columns), np.where(edges == NONE, NONE, automaton.symbol[edges]))
            edges = np.where(edges == NONE, NONE, last[ends[edges]])
    return [string[string != NONE] for string in np.stack(columns, axis=1)]


def _nearest(starts: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last transition on a shortest way from a start to each state, ``NONE`` at a start, and how long that is."""
    last, steps, out = np.full(len(starts), NONE), np.zeros(len(starts), np.int64), Groups(source, len(starts))
    seen, frontier, step = starts.copy(), np.flatnonzero(starts), 0
    while len(frontier):
        step += 1
        _, edges = out.members(frontier)
        edges = edges[~seen[target[edges]]]
        frontier, first = np.unique(target[edges], return_index=True)
        seen[frontier], last[frontier], steps[frontier] = True, edges[first], step
    return last, steps


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latched(Automaton):
    """An automaton of which each state knows the latches at the step before it and at the step after it."""

    before: np.ndarray  # int64 [states], rows of ``latches``, or ``NONE``
    after: np.ndarray  # likewise
    latches: np.ndarray  # int8 [rows, units], what the latches of all layers so far can hold at one step: -1, 0 or +1

    def windows(self) -> tuple[np.ndarray, np.ndarray]:
        """What a layer sees at each transition: int64 [windows, 4], latches before, symbol, latches there, and after.

        Returns the distinct windows, and int64 [transitions], the number of each one's window.
        """
        columns = (self.before[self.source], self.symbol, self.after[self.source], self.after[self.target])
        return distinct(np.stack(columns, axis=1))


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of int64 [rows, columns] of numbers from -1, and the number of each row among them."""
    sizes = rows.max(axis=0, initial=0) + 2
    assert np.prod(sizes.astype(object)) < 2**63
    key = np.zeros(len(rows), np.int64)
    for column, size in zip(rows.T, sizes.tolist(), strict=True):
        key = key * size + column + 1
    keys, inverse = np.unique(key, return_inverse=True)
    columns = []
    for size in reversed(sizes.tolist()):
        columns.append(keys % size - 1)
        keys = keys // size
    return np.stack(columns[::-1], axis=1), inverse


class Groups:
    """Numbers 0 to n - 1 by the group that each belongs to."""

    def __init__(self, group: np.ndarray, groups: int) -> None:
        self._members = np.argsort(group, kind="stable")
        self._ends = np.cumsum(np.bincount(group, minlength=groups))

    def members(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All members of some groups: the place of its group in ``groups``, and the member."""
        ends = self._ends[groups]
        starts = np.where(groups > 0, self._ends[groups - 1], 0)
        counts = ends - starts
        place = np.repeat(np.arange(len(groups)), counts)
        offset = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self._members[starts[place] + offset]


class _States:
    """The states of a layer's latches that have been met, and where each setting leads from each."""

    def __init__(self, gates: np.ndarray, candidates: np.ndarray) -> None:
        self._gates, self._candidates = gates.astype(np.int8), candidates.astype(np.int8)
        self.rows = [np.zeros(gates.shape[1], np.int8)]
        self._numbers = {self.rows[0].tobytes(): 0}
        self._next = np.empty((0, len(gates)), np.int64)

    def after(self, states: np.ndarray, settings: np.ndarray) -> np.ndarray:
        """The numbers of the states that follow."""
        while len(self._next) <= states.max(initial=-1):
            state = self.rows[len(self._next)]
            reached = np.where(self._gates == 1, self._candidates, state)
            numbers = [self._number(row) for row in reached]
            self._next = np.concatenate([self._next, [numbers]])
        return self._next[states, settings]

    def _number(self, row: np.ndarray) -> int:
        key = row.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return self._numbers[key]


def remembering(questions: Automaton) -> tuple[Automaton, np.ndarray]:
    """The automaton whose states know the last transition, int64 [states]; ``NONE`` at the initial ones."""
    starts, count = np.flatnonzero(questions.initial), len(questions.source)
    ends = np.concatenate([questions.target, starts])  # a state for each transition, then the initial ones
    states, edge = Groups(questions.source, len(questions.initial)).members(ends)
    last = np.concatenate([np.arange(count), np.full(len(starts), NONE)])
    automaton = Automaton(
        initial=last == NONE,
        final=questions.final[ends],
        source=states,
        target=edge,
        symbol=questions.symbol[edge],
        right=questions.right[edge],
    )
    return automaton, last


def forward(questions: Automaton, setting: np.ndarray, gates: np.ndarray, candidates: np.ndarray) -> Latched:
    """Adds a first layer of latches, which runs forward; arguments are as for ``backward``."""
    states, out = _States(gates, candidates), Groups(questions.source, len(questions.initial))
    # A state of the product is a pair of a question's state and one of the latches.
    frontier = np.stack([np.flatnonzero(questions.initial), np.zeros(questions.initial.sum(), np.int64)], axis=1)
    numbers, edges = {tuple(pair): number for number, pair in enumerate(frontier.tolist())}, []
    while len(frontier):
        place, edge = out.members(frontier[:, 0])
        reached = states.after(frontier[place, 1], setting[edge])
        targets = np.stack([questions.target[edge], reached], axis=1)
        found, inverse = distinct(targets)
        new = [pair for pair in map(tuple, found.tolist()) if pair not in numbers]
        numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
        named = np.array([numbers[pair] for pair in map(tuple, found.tolist())], np.int64)
        sources = np.array([numbers[pair] for pair in map(tuple, frontier.tolist())], np.int64)
        edges.append(np.stack([sources[place], edge, named[inverse]], axis=1))
        frontier = np.array(new, np.int64).reshape(-1, 2)
    source, edge, target = np.concatenate(edges).T
    product = np.array(list(numbers), np.int64)
    latches = np.array(states.rows)
    is_initial = questions.initial[product[:, 0]]
    before = np.where(is_initial, NONE, product[:, 1])
    # Each state of the product is told apart by the latches at the next step; at the end there is none.
    final = np.flatnonzero(questions.final[product[:, 0]])
    nexts = np.stack([source, product[target, 1]], axis=1)
    split, inverse = distinct(np.concatenate([nexts, np.stack([final, np.full(len(final), NONE)], axis=1)]))
    place, reached = Groups(split[:, 0], len(product)).members(target)
    return Latched(
        initial=is_initial[split[:, 0]],
        final=split[:, 1] == NONE,
        source=inverse[: len(source)][place],
        target=reached,
        symbol=questions.symbol[edge[place]],
        right=questions.right[edge[place]],
        before=before[split[:, 0]],
        after=split[:, 1],
        latches=latches,
    )


def backward(known: Latched, setting: np.ndarray, gates: np.ndarray, candidates: np.ndarray) -> Latched:
    """Adds a layer of latches that runs backward, and whose settings depend on each transition's window.

    ``setting``, int64 [transitions], is the row that holds at each transition: of ``gates``, 0 or 1, and of
    ``candidates``, -1 or +1, [settings, units] both.
    """
    states, into = _States(gates, candidates), Groups(known.target, len(known.initial))
    # Pairs of a state and of what the latches hold at the step after it.
    frontier = np.stack([np.flatnonzero(known.final), np.zeros(known.final.sum(), np.int64)], axis=1)
    seen, steps = frontier[:, 0] * 2**31 + frontier[:, 1], []
    while len(frontier):
        place, edge = into.members(frontier[:, 0])
        held = states.after(frontier[place, 1], setting[edge])
        steps.append(np.stack([edge, held, frontier[place, 1]], axis=1))
        if sum(map(len, steps)) > MOST:
            raise TooLargeError
        found = np.unique(known.source[edge] * 2**31 + held)
        new = np.setdiff1d(found, seen, assume_unique=True)
        seen = np.union1d(seen, new)
        frontier = np.stack([new >> 31, new & (2**31 - 1)], axis=1)
    edge, held, later = np.concatenate(steps).T
    later = np.where(known.final[known.target[edge]], NONE, later)
    # A new state also knows what the latches hold at the step before it.
    starts = seen[known.initial[seen >> 31]]
    starts = np.stack([starts >> 31, np.full(len(starts), NONE), starts & (2**31 - 1)], axis=1)
    names, inverse = distinct(np.concatenate([np.stack([known.target[edge], held, later], axis=1), starts]))
    # The transition from (state, any, held) to (target, held, later).
    pair, where = distinct(np.concatenate([names[:, [0, 2]], np.stack([known.source[edge], held], axis=1)]))
    sources = np.bincount(where[: len(names)], minlength=len(pair))[where[len(names) :]]
    if sources.sum() > MOST:
        raise TooLargeError
    place, source = Groups(where[: len(names)], len(pair)).members(where[len(names) :])
    sides = (known.before, 1), (known.after, 2)
    rows, number = distinct(np.concatenate([np.stack([of[names[:, 0]], names[:, at]], axis=1) for of, at in sides]))
    is_none = (rows == NONE).any(axis=1)
    latches = np.concatenate([known.latches[rows[~is_none, 0]], np.array(states.rows)[rows[~is_none, 1]]], axis=1)
    number = np.where(is_none, NONE, np.cumsum(~is_none) - 1)[number]
    return Latched(
        initial=known.initial[names[:, 0]] & (names[:, 1] == NONE),
        final=known.final[names[:, 0]],
        source=source,
        target=inverse[: len(edge)][place],
        symbol=known.symbol[edge[place]],
        right=known.right[edge[place]],
        before=number[: len(names)],
        after=number[len(names) :],
        latches=latches,
    )
