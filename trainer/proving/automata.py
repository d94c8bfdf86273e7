"""A network of latches as a finite automaton: the product of the question automaton with each layer of latches.

This module contains only finite sets and NumPy; the automaton is finite because the steps of latches are exact. A layer
is added as in the product of two automata (Rabin and Scott, "Finite Automata and Their Decision Problems", 1959). Only
the pairs of states that some question reaches are explored, breadth first.
"""

import dataclasses

import numpy as np

from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.proving.questions import PAIRS, Automaton

NONE = -1  # the place of a step before the first one and after the last one
BLANKS = len(PAIRS) - 1  # the symbol of a step after the last digits
STEP, NEVER = 1 << 32, 1 << 60  # of the lengths of ``Walks``
# The maximum number of transitions that are explored; each takes about 200 bytes.
MAX_TRANSITIONS = 30_000_000


class TooLargeError(Exception):
    """An automaton has more than ``MAX_TRANSITIONS`` transitions."""


def check_size(transitions: int, report_progress: ReportProgress = no_progress) -> None:
    """Reports a number of transitions before they are listed; raises TooLargeError if they are too many."""
    report_progress(transitions)
    if transitions > MAX_TRANSITIONS:
        raise TooLargeError


def shortest(
    automaton: Automaton, transitions: np.ndarray, cases: np.ndarray, most: int, least: int = 0
) -> list[np.ndarray]:
    """A shortest string of at least ``least`` steps for each case, as its symbols; at most ``most``, sorted by length.

    Of the strings of as many steps, it is one with the fewest steps that are not blank. A case that only shorter
    strings have is given one of these. ``transitions`` are numbers of transitions, and ``cases`` the case of each,
    int64 [transitions] both.
    """
    # A string goes from a start to the transition's source, along it, and on to an end: both ways together must have
    # at least ``others`` steps.
    others = max(0, least - 1)
    back = walks(automaton.initial, automaton.source, automaton.target, automaton.symbol, others)
    on = walks(automaton.final, automaton.target, automaton.source, automaton.symbol, others)
    before, behind = _lengths(back, on, automaton.source[transitions], automaton.target[transitions])
    lengths = before + behind + (automaton.symbol[transitions] != BLANKS)
    # Those that are too short come last.
    order = np.lexsort([cases, lengths + np.where(lengths < others * STEP, NEVER, 0)])
    _, first = np.unique(cases[order], return_index=True)
    order = order[np.sort(first)[:most]]  # of each case the transition whose string is the shortest
    transitions = transitions[order]
    # int64 [transitions] each: the symbols of one step, which grow to both sides until all strings have ended.
    columns = [automaton.symbol[transitions]]
    sides = (back, before, automaton.source, True), (on, behind, automaton.target, False)
    for way, side_lengths, ends, goes_back in sides:
        states, remaining = ends[transitions], side_lengths[order] // STEP
        while (remaining > 0).any():
            edges = np.where(remaining > 0, way.last[np.clip(remaining, 0, others), states], NONE)
            columns.insert(0 if goes_back else len(columns), np.where(edges == NONE, NONE, automaton.symbol[edges]))
            states, remaining = np.where(edges == NONE, states, ends[edges]), remaining - 1
    return [string[string != NONE] for string in np.stack(columns, axis=1)]


def _lengths(back: "Walks", on: "Walks", source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lengths of shortest ways back and on from some transitions that together have enough steps: int64 each.

    Where there is no such way, it is the shortest one of fewer steps.
    """
    at_least = np.minimum.accumulate(on.lengths[::-1])[::-1]  # of the ways on with at least so many steps
    before, behind = back.lengths.min(axis=0)[source], at_least[0][target]
    least = np.full(len(source), NEVER)
    for of_back, of_on in zip(back.lengths, at_least[::-1], strict=True):
        is_better = of_back[source] + of_on[target] < least
        before, behind = np.where(is_better, of_back[source], before), np.where(is_better, of_on[target], behind)
        least = np.where(is_better, before + behind, least)
    return before, behind


@dataclasses.dataclass(frozen=True)
class Walks:
    """The shortest ways from some starts to each state, of 0, 1, 2, ... steps, and of at least the last number.

    Attributes:
      last: The last transition of each way, ``NONE`` where it has none or there is no way: int64 [steps + 1, states].
      lengths: ``STEP`` for each step, and one more for each step that is not blank, so that of the ways of as many
        steps those with the most blanks are the shortest; ``NEVER`` where there is no way: int64 [steps + 1, states].
    """

    last: np.ndarray
    lengths: np.ndarray


def walks(starts: np.ndarray, source: np.ndarray, target: np.ndarray, symbol: np.ndarray, most: int) -> Walks:
    """The shortest ways of each number of steps below ``most``, and those of at least ``most`` steps.

    ``starts`` is bool [states], and the others are of the transitions. The search is breadth first.
    """
    last, lengths = np.full((most + 1, len(starts)), NONE), np.full((most + 1, len(starts)), NEVER)
    weights, out = STEP + (symbol != BLANKS), Groups(source, len(starts))
    frontier, step = np.flatnonzero(starts), 0
    lengths[0, frontier] = 0
    while len(frontier):
        before, layer, step = min(step, most), min(step + 1, most), step + 1
        _, edges = out.members(frontier)
        edges = edges[lengths[layer, target[edges]] == NEVER]
        of_edges = lengths[before, source[edges]] + weights[edges]
        order = np.lexsort([of_edges, target[edges]])
        frontier, first = np.unique(target[edges[order]], return_index=True)
        chosen = order[first]
        last[layer, frontier], lengths[layer, frontier] = edges[chosen], of_edges[chosen]
    return Walks(last, lengths)


def nearest(starts: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last transition of a shortest path from a start to each state, ``NONE`` at a start, and its length.

    ``starts`` is bool [states]; both results are int64 [states]. The search is breadth first.
    """
    ways = walks(starts, source, target, np.full(len(source), BLANKS), 0)
    return ways.last[0], ways.lengths[0] // STEP


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latched(Automaton):
    """An automaton whose states record the latches at the step before them and at the step after them."""

    before: np.ndarray  # int64 [states], rows of ``latches``, or ``NONE``
    after: np.ndarray  # likewise
    latches: np.ndarray  # int8 [rows, units], the values of all latches so far at one step: -1, 0 or +1
    # What a state is made of, int64 [states, 3]: a state of the automaton below, and the rows of ``layer`` before and
    # after it, or ``NONE``.
    parts: np.ndarray
    layer: np.ndarray  # int8 [rows, units], the values of the latches of the last layer

    def windows(self) -> tuple[np.ndarray, np.ndarray]:
        """What a layer sees at each transition: the latches before it, its symbol, its latches, and those after it.

        Returns the distinct windows, int64 [windows, 4], and the window of each transition, int64 [transitions].
        """
        columns = (self.before[self.source], self.symbol, self.after[self.source], self.after[self.target])
        return distinct(np.stack(columns, axis=1))


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of int64 [rows, columns], numbers of at least -1, and the number of each row among them.

    >>> distinct(np.array([[3, -1], [0, 2], [3, -1]]))
    (array([[ 0,  2],
           [ 3, -1]]), array([1, 0, 1]))
    """
    # Each row is one number whose digits are its columns, so that sorting is quick.
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
    """The numbers 0 to n - 1, by group.

    >>> Groups(np.array([2, 0, 2]), 3).members(np.array([2, 1, 0]))
    (array([0, 0, 2]), array([0, 2, 1]))
    """

    def __init__(self, group: np.ndarray, groups: int) -> None:
        # The numbers, sorted by their group, and where each group ends among them.
        self._members = np.argsort(group, kind="stable")
        self._sizes = np.bincount(group, minlength=groups)
        self._ends = np.cumsum(self._sizes)

    def count(self, groups: np.ndarray) -> int:
        """The number of all members of some groups, int64 [groups]."""
        return int(self._sizes[groups].sum())

    def members(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All members of some groups: for each, the index of its group in ``groups``, and the member.

        ``groups`` is int64 [groups]; both results are int64 [members].
        """
        counts = self._sizes[groups]
        starts = self._ends[groups] - counts
        place = np.repeat(np.arange(len(groups)), counts)
        offset = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self._members[starts[place] + offset]


class _States:
    """The states of a layer's latches that were reached, and the transitions between them.

    State number n is ``rows[n]``, the values of the latches, int8 [units]; in state 0 all of them are 0.
    """

    def __init__(self, gates: np.ndarray, candidates: np.ndarray) -> None:
        self._gates, self._candidates = gates.astype(np.int8), candidates.astype(np.int8)  # [settings, units] both
        self.rows = [np.zeros(gates.shape[1], np.int8)]
        self._numbers = {self.rows[0].tobytes(): 0}
        self._next = np.empty((0, len(gates)), np.int64)  # [states, settings], of the first states

    def after(self, states: np.ndarray, settings: np.ndarray) -> np.ndarray:
        """The numbers of the states after some states with some settings, int64 [steps] each.

        A latch with an open gate takes its candidate; one with a closed gate holds.
        """
        check_size((1 + int(states.max(initial=-1))) * self._next.shape[1])  # numbers of ``_next``
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
    """The automaton whose states record the last transition, int64 [states]; ``NONE`` at the initial ones."""
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


def forward(
    questions: Automaton,
    setting: np.ndarray,
    gates: np.ndarray,
    candidates: np.ndarray,
    report_progress: ReportProgress = no_progress,
) -> Latched:
    """Adds the first layer of latches, which runs forward; arguments and errors are those of ``backward``."""
    states, out = _States(gates, candidates), Groups(questions.source, len(questions.initial))
    # A state of the product is a pair of a question's state and a row of the latches, which are 0 at first. The
    # frontier contains the pairs that were reached last, int64 [pairs, 2]; all pairs that were reached have a number.
    frontier = np.stack([np.flatnonzero(questions.initial), np.zeros(questions.initial.sum(), np.int64)], axis=1)
    numbers, edges, explored = {tuple(pair): number for number, pair in enumerate(frontier.tolist())}, [], 0
    while len(frontier):
        explored += out.count(frontier[:, 0])
        check_size(explored, report_progress)
        # All transitions from the states of the pairs, and the row of the latches after each.
        place, edge = out.members(frontier[:, 0])
        row = states.after(frontier[place, 1], setting[edge])
        targets, inverse = distinct(np.stack([questions.target[edge], row], axis=1))
        new = [pair for pair in map(tuple, targets.tolist()) if pair not in numbers]
        numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
        target = np.array([numbers[pair] for pair in map(tuple, targets.tolist())], np.int64)
        source = np.array([numbers[pair] for pair in map(tuple, frontier.tolist())], np.int64)
        edges.append(np.stack([source[place], edge, target[inverse]], axis=1))
        frontier = np.array(new, np.int64).reshape(-1, 2)
    source, edge, target = np.concatenate(edges).T  # int64 [steps] each: a pair, a transition of the questions, a pair
    product = np.array(list(numbers), np.int64)  # int64 [pairs, 2]
    # ``states`` also numbers what a state becomes under settings that no question has there.
    reached, product[:, 1] = np.unique(product[:, 1], return_inverse=True)
    latches = np.array(states.rows)[reached]
    is_initial = questions.initial[product[:, 0]]
    before = np.where(is_initial, NONE, product[:, 1])
    # A window also contains the latches of the next step. So each pair is split by their row at the next step, which is
    # none at the end of a question: int64 [states, 2], a pair, and the row of its next step.
    final = np.flatnonzero(questions.final[product[:, 0]])
    nexts = np.stack([source, product[target, 1]], axis=1)
    split, inverse = distinct(np.concatenate([nexts, np.stack([final, np.full(len(final), NONE)], axis=1)]))
    # A step leads to all states into which its target was split.
    splits = Groups(split[:, 0], len(product))
    check_size(splits.count(target), report_progress)
    place, into = splits.members(target)
    return Latched(
        initial=is_initial[split[:, 0]],
        final=split[:, 1] == NONE,
        source=inverse[: len(source)][place],
        target=into,
        symbol=questions.symbol[edge[place]],
        right=questions.right[edge[place]],
        before=before[split[:, 0]],
        after=split[:, 1],
        latches=latches,
        parts=np.stack([product[split[:, 0], 0], before[split[:, 0]], split[:, 1]], axis=1),
        layer=latches,
    )


def backward(
    lower: Latched,
    setting: np.ndarray,
    gates: np.ndarray,
    candidates: np.ndarray,
    report_progress: ReportProgress = no_progress,
) -> Latched:
    """Adds a layer of latches that runs backward, and whose settings depend on the window of each transition.

    Args:
      lower: The automaton with the layers below.
      setting: The setting at each transition, a row of ``gates`` and ``candidates``: int64 [transitions].
      gates: 0 (closed) or 1 (open): [settings, units].
      candidates: -1 or +1: [settings, units].
      report_progress: Is called with the number of transitions that were explored so far.

    Raises TooLargeError if there are more than ``MAX_TRANSITIONS`` transitions.
    """
    states = _States(gates, candidates)
    # int64 [steps], three times; int64 [starts, 3]
    edge, row, later, starts = _steps_back(lower, setting, states, report_progress)
    # Each state is split by the rows of this layer at the step before it and at the one after: int64 [states, 3]. Of
    # ``inverse``, int64 [steps + starts], the first are the states into which the steps lead.
    into = np.stack([lower.target[edge], row, later], axis=1)
    split, inverse = distinct(np.concatenate([into, starts]))
    # A step leaves each state into which its source was split, if the row after that state is the row of the step: if
    # both have the same pair of a state before the split and of a row, int64 [states] and then [steps] of ``pair``.
    count = len(split)
    pairs, pair = distinct(np.concatenate([split[:, [0, 2]], np.stack([lower.source[edge], row], axis=1)]))
    states_of, step_pair = Groups(pair[:count], len(pairs)), pair[count:]
    check_size(states_of.count(step_pair), report_progress)
    place, source = states_of.members(step_pair)  # int64 [transitions] both: the step of each, and the state it leaves
    before, after, latches = _with_layer(lower, split, np.array(states.rows))
    return Latched(
        initial=lower.initial[split[:, 0]] & (split[:, 1] == NONE),
        final=lower.final[split[:, 0]],
        source=source,
        target=inverse[: len(edge)][place],
        symbol=lower.symbol[edge[place]],
        right=lower.right[edge[place]],
        before=before,
        after=after,
        latches=latches,
        parts=split,
        layer=np.array(states.rows),
    )


def _steps_back(
    lower: Latched, setting: np.ndarray, states: _States, report_progress: ReportProgress
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All steps of a layer of latches from the ends of questions back to their starts.

    Returns for each step, int64 [steps] each: a transition, the row of the latches at it, and their row at the step
    after it, which is none after the last step. And for each start, int64 [starts, 3]: an initial state, none, and the
    row at the first step.
    """
    into = Groups(lower.target, len(lower.initial))
    # Pairs of a state and of the row at the step after it, int64 [pairs, 2]; in ``seen`` each pair is one number.
    frontier = np.stack([np.flatnonzero(lower.final), np.zeros(lower.final.sum(), np.int64)], axis=1)
    seen, steps, explored = frontier[:, 0] * 2**31 + frontier[:, 1], [], 0
    while len(frontier):
        explored += into.count(frontier[:, 0])
        check_size(explored, report_progress)
        # All transitions into the states of the pairs, and the row of the latches at each, given the row after it.
        place, edge = into.members(frontier[:, 0])
        row = states.after(frontier[place, 1], setting[edge])
        steps.append(np.stack([edge, row, frontier[place, 1]], axis=1))
        new = np.setdiff1d(np.unique(lower.source[edge] * 2**31 + row), seen, assume_unique=True)
        seen = np.union1d(seen, new)
        frontier = np.stack([new >> 31, new & (2**31 - 1)], axis=1)
    edge, row, later = np.concatenate(steps).T
    later = np.where(lower.final[lower.target[edge]], NONE, later)
    starts = seen[lower.initial[seen >> 31]]
    starts = np.stack([starts >> 31, np.full(len(starts), NONE), starts & (2**31 - 1)], axis=1)
    return edge, row, later, starts


def _with_layer(lower: Latched, split: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``Latched.before``, ``after`` and ``latches`` with one more layer.

    ``split``, int64 [states, 3], contains states of the layers below, and the rows of the new layer before and after
    them; ``rows``, int8 [rows, units], contains the values of the latches of the new layer.
    """
    sides = (lower.before, 1), (lower.after, 2)
    # The row of the layers below at a step, and that of the new layer; both are none where no step is.
    both = np.concatenate([np.stack([of[split[:, 0]], split[:, column]], axis=1) for of, column in sides])
    pairs, number = distinct(both)
    is_none = (pairs == NONE).any(axis=1)
    latches = np.concatenate([lower.latches[pairs[~is_none, 0]], rows[pairs[~is_none, 1]]], axis=1)
    before, after = np.split(np.where(is_none, NONE, np.cumsum(~is_none) - 1)[number], 2)
    return before, after, latches
