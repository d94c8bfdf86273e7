"""Latch taggers: layers of binary memory cells with dense layers between them.

At each step t, with the vector x_t = relu(read/table[pair of digits]) and latches h^0, h^1, ... of which each unit is
-1, 0 or +1::

    h^0_t = set(h^0_{t-1}, settings_0(x_t))                   runs forward from zeros
    y^0_t = relu(layer_0([x_t, N(h^0)_t]))
    h^1_t = set(h^1_{t+1}, settings_1(y^0_t))                 all further ones run backward from zeros
    y^1_t = relu(layer_1([x_t, N(h^0)_t, N(h^1)_t]))
    ...
    logits_t = logits(y^last_t)

``N(h)_t`` is h_t, then h_{t-1} with a 1, then h_{t+1} with a 1; both are zeros, with a 0, where there is no such step.
``set`` has two numbers per unit, its gate and its candidate: where the gate is above zero, the unit becomes the sign of
its candidate, +1 or -1; otherwise it holds.

**The certificate.** A *state* is what can be between two steps of a question: the state of the question, and the
values of all latches at the step before and at the step after. The certificate lists them layer by layer.
``latches_k`` has the values of layer k, one row each. ``states_k`` has three columns: a state of the layers below (or
of the question), and the rows of the latches before and after it, -1 for none.

It is checked that the list is closed (``add_layer``): it has the states before the first step, and for each of its
states and each way on, the state that follows. So every state of every question is in it, by induction over the steps.
"""

import itertools

import numpy as np
from floats import Dense, check_margins, flushed
from reading import Refused, Run, certificate, require
from rules import ALPHABETS, Automaton, automaton, pairs

UNITS_PER_LATCH = 8
MAX_UNITS = 32  # of a layer, so that its values are one int64
MAX_NEAR = 4  # latches of one case of which rounding may decide whether or how they are set
BLOCK = 1 << 13  # cases that are computed at a time


def shapes(run: Run) -> dict[str, tuple[int, ...]]:
    """The arrays of the checkpoint."""
    hidden, layers, units = _sizes(run)
    depth = len(ALPHABETS.get(run.task, ""))
    shapes: dict[str, tuple[int, ...]] = {"read/table": (depth**2, hidden)}
    for number in range(layers):
        seen, dense = hidden + (number + 1) * (3 * units + 2), hidden * (1 + (number == layers - 1))
        shapes |= {f"settings_{number}/kernel": (hidden, 2 * units), f"settings_{number}/bias": (2 * units,)}
        shapes |= {f"layer_{number}/kernel": (seen, dense), f"layer_{number}/bias": (dense,)}
    return shapes | {"logits/kernel": (2 * hidden, depth), "logits/bias": (depth,)}


def _sizes(run: Run) -> tuple[int, int, int]:
    """The hidden units, the layers, and the latches of each layer."""
    hidden, layers = run.model.get("hidden"), run.model.get("layers")
    if not (isinstance(hidden, int) and isinstance(layers, int) and hidden > 0 and 0 < layers <= 9):
        raise Refused("the configuration has no numbers of hidden units and of layers")
    units = max(1, hidden // (UNITS_PER_LATCH * min(layers, 2)))
    require(units <= MAX_UNITS, f"there are more than {MAX_UNITS} latches in a layer")
    return hidden, layers, units


def check(run: Run, weights: dict[str, np.ndarray]) -> str:
    """Checks that every case is right, and returns what is proved; raises Refused otherwise."""
    network, layers = Network(run, weights), _sizes(run)[1]
    columns = {f"states_{number}": 3 for number in range(layers)} | {"questions": 4 if run.task == "addition" else 7}
    columns |= {f"latches_{number}": network.units for number in range(layers)}
    parts = certificate(run, columns)
    questions = automaton(run.task, parts["questions"])
    values, bound = network.first()
    case = questions.symbol
    states = States(questions, np.zeros(len(questions.initial), int), np.zeros(len(questions.initial), int))
    for number in range(layers):
        if number:
            cases, case = states.cases()
            values, bound = network.after(number - 1, cases, states.rows)
        states = add_layer(states, case, *actions(values, bound), parts, number)
    cases, case = states.cases()
    logits, single, limits = network.logits(cases, states.rows)
    needed = np.unique(np.stack([case, states.automaton.right], axis=1), axis=0)
    bound = float(limits.max())
    margin = check_margins(logits[needed[:, 0]], single[needed[:, 0]], needed[:, 1], bound)
    return (
        f"every question of {run.task}, of any length, is answered right ({len(needed):,} cases; the least margin is "
        f"{margin:.6g}, and float32 is wrong by at most {bound:.3g})"
    )


class States:
    """The states of some layers of latches: an automaton, and the rows of the latches before and after each state.

    ``rows`` is int8 [rows, layers, units], of which row 0 means that there is no step.
    """

    def __init__(
        self, automaton: Automaton, before: np.ndarray, after: np.ndarray, rows: np.ndarray | None = None
    ) -> None:
        self.automaton, self.before, self.after = automaton, before, after
        self.rows = np.zeros((1, 0, 0), np.int8) if rows is None else rows

    def cases(self) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees at the transitions: the distinct cases, int64 [cases, 4], and that of each transition.

        The columns are the rows before the step, at it and after it, and the symbol.
        """
        edges = self.automaton
        sees = (self.before[edges.source], self.after[edges.source], self.after[edges.target], edges.symbol)
        return _distinct(np.stack(sees, axis=1))


def _distinct(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of a table of numbers from 0, and the number of each row among them."""
    sizes = [int(size) + 1 for size in table.max(axis=0)]
    require(np.prod(np.array(sizes, object)) < 2**63, "the certificate is too large")
    _, first, inverse = np.unique(np.ravel_multi_index(table.T, sizes), return_index=True, return_inverse=True)
    return table[first], inverse.reshape(-1)


def actions(values: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What gates and candidates do to each unit: -1 or +1 sets it, 0 holds it; several ways where rounding may decide.

    ``values`` are float64 [cases, 2 * units], and ``bound`` their maximum errors [2 * units]. Returns the distinct
    actions, int8 [actions, units]; and two int64 [pairs], a case and one of its actions each, sorted by the case.
    """
    near, sign = np.abs(values) <= bound, values > 0
    (near_gate, near_candidate), (is_open, is_up) = np.split(near, 2, axis=1), np.split(sign, 2, axis=1)
    single = np.where(is_open, np.where(is_up, 1, -1), 0).astype(np.int8)
    is_unsure = near_gate | (is_open & near_candidate)
    require(is_unsure.sum(axis=1).max() <= MAX_NEAR, "rounding may decide too many gates")
    sure = np.flatnonzero(~is_unsure.any(axis=1))
    case, rows = [*sure.tolist()], [single[sure]]
    for number in np.flatnonzero(is_unsure.any(axis=1)).tolist():
        choices = []
        for unit in range(single.shape[1]):
            ways = {-1, 1} if near_candidate[number, unit] else {1 if is_up[number, unit] else -1}
            gate = near_gate[number, unit]
            choices.append(sorted(ways | {0}) if gate else sorted(ways) if is_open[number, unit] else [0])
        some = np.array(list(itertools.product(*choices)), np.int8)
        case += [number] * len(some)
        rows.append(some)
    distinct, which = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    order = np.argsort(case, kind="stable")
    return distinct, np.array(case)[order], which.reshape(-1)[order]


def add_layer(
    states: States,
    case: np.ndarray,
    action: np.ndarray,
    of_case: np.ndarray,
    which: np.ndarray,
    parts: dict[str, np.ndarray],
    number: int,
) -> States:
    """Checks that the states of one more layer in the certificate are closed, and returns them.

    ``case`` is the case of each transition of the layers below; the next three are what ``actions`` returned.
    """
    below, table, rows = states.automaton, parts[f"states_{number}"], parts[f"latches_{number}"]
    require(((rows >= -1) & (rows <= 1)).all(), "a latch of the certificate is not -1, 0 or +1")
    is_state = (table[:, 0] >= 0) & (table[:, 0] < len(below.initial))
    is_row = (table[:, 1:] >= -1) & (table[:, 1:] < len(rows))
    require(is_state.all() and is_row.all(), "a state of the certificate has a part that does not exist")
    # A layer that runs backward is one that runs forward over the reversed questions.
    backward = number > 0
    here, there = (below.target, below.source) if backward else (below.source, below.target)
    starts, ends = (below.final, below.initial) if backward else (below.initial, below.final)
    # The row that the layer has before a state in its own direction, and the one after it; 0 is for none.
    states_of, earlier, later = (table[:, [0, 2, 1]] if backward else table).T + np.array([[0], [1], [1]])
    size = len(rows) + 1
    require(len(below.initial) * size * size < 2**62, "the certificate is too large")
    pair, triple = states_of * size + earlier, (states_of * size + earlier) * size + later
    order = np.argsort(triple)
    known_pairs, known_triples = np.unique(pair), triple[order]
    require((np.diff(known_triples) > 0).all(), "a state is in the certificate twice")
    require(_in(np.flatnonzero(starts) * size, known_pairs), "a first state is missing in the certificate")
    at_end = known_pairs[ends[known_pairs // size]]
    require(_in(at_end * size, known_triples), "a last state is missing in the certificate")
    # Every transition below with each of its actions, and then from every pair that is before it.
    place, chosen = _members(of_case, case)
    act, edge = which[chosen], place
    place, chosen = _members(known_pairs // size, here[edge])
    act, edge, pair = act[place], edge[place], known_pairs[chosen]
    row = _following(rows, action, pair % size, act) + 1
    source, after = pair * size + row, there[edge] * size + row
    require(
        _in(source, known_triples) and _in(after, known_pairs), "a state that follows is missing in the certificate"
    )
    # A transition leads to all states with the pair after it.
    place, target = _members(known_triples // size, after)
    source, target, edge = order[np.searchsorted(known_triples, source)][place], order[target], edge[place]
    if backward:
        source, target = target, source
    before, after = table[:, 1] + 1, table[:, 2] + 1
    keys = np.concatenate([states.before[table[:, 0]], states.after[table[:, 0]]]), np.concatenate([before, after])
    lower, own = np.where(keys[1] > 0, keys[0], 0), np.where(keys[0] > 0, keys[1], 0) if number else keys[1]
    combined, label = _distinct(np.stack([lower, own], axis=1))
    require((combined[0] == 0).all(), "the certificate has no start or end")
    padded = np.concatenate([np.zeros((1, rows.shape[1]), np.int8), rows.astype(np.int8)])
    lower_rows = states.rows if number else np.zeros((1, 0, rows.shape[1]), np.int8)
    joined = np.concatenate([lower_rows[combined[:, 0]], padded[combined[:, 1], np.newaxis]], axis=1)
    automaton = Automaton(
        initial=below.initial[table[:, 0]] & (before == 0),
        final=below.final[table[:, 0]] & (after == 0),
        source=source,
        target=target,
        symbol=below.symbol[edge],
        right=below.right[edge],
    )
    before, after = np.split(label, 2)
    return States(automaton, before, after, joined)


def _in(values: np.ndarray, known: np.ndarray) -> bool:
    """Whether all values are among the sorted known ones."""
    place = np.searchsorted(known, values)
    return bool((place < len(known)).all() and (known[place] == values).all())


def _members(groups: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All members of some groups: the place of each in ``wanted``, and its number.

    ``groups`` are the sorted groups of all members.
    """
    start, end = np.searchsorted(groups, wanted), np.searchsorted(groups, wanted, side="right")
    place = np.repeat(np.arange(len(wanted)), end - start)
    offset = np.arange(len(place)) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
    return place, start[place] + offset


def _following(rows: np.ndarray, action: np.ndarray, row: np.ndarray, act: np.ndarray) -> np.ndarray:
    """The rows that follow some rows, of which 0 has zeros and n is ``rows[n - 1]``, by some actions."""
    padded = np.concatenate([np.zeros((1, rows.shape[1]), np.int64), rows])
    some, inverse = _distinct(np.stack([row, act], axis=1))
    chosen = action[some[:, 1]]
    after = np.where(chosen != 0, chosen, padded[some[:, 0]])
    factors = 3 ** np.arange(rows.shape[1], dtype=np.int64)
    keys = (rows + 1) @ factors
    order, wanted = np.argsort(keys), (after + 1) @ factors
    require(_in(wanted, keys[order]), "values of latches that are reached are missing in the certificate")
    return order[np.searchsorted(keys[order], wanted)][inverse]


class Network:
    """The dense layers of a latch tagger, and the bounds on their float32 results."""

    def __init__(self, run: Run, weights: dict[str, np.ndarray]) -> None:
        _, layers, self.units = _sizes(run)
        left, right = pairs(run.task).T
        table = weights["read/table"].astype(np.float64)[left * len(ALPHABETS[run.task]) + right]
        self.vectors = np.maximum(table, 0)  # [symbols, hidden]
        self.settings = [Dense.read(weights, f"settings_{number}") for number in range(layers)]
        self.dense = [Dense.read(weights, f"layer_{number}") for number in range(layers)]
        self.next = [*self.settings[1:], Dense.read(weights, "logits")]

    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """The gates and candidates of the first layer at each symbol, and their maximum errors."""
        most, layer = self.vectors.max(axis=0), self.settings[0]
        values, bound = layer(self.vectors), layer.error(most, np.zeros(len(most)))
        single = layer.float32()(flushed(self.vectors))
        require((np.abs(single - values) <= bound).all(), "a float32 gate has a larger error than its bound")
        return values, bound

    def after(self, number: int, cases: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gates and candidates after a dense layer, and their maximum errors."""
        values, single, bound = self._evaluate(number, cases, rows)
        require((np.abs(single - values) <= bound).all(), "a float32 gate has a larger error than its bound")
        return values, bound

    def logits(self, cases: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The logits in float64 and in float32, and their maximum errors."""
        return self._evaluate(len(self.dense) - 1, cases, rows)

    def _evaluate(self, number: int, cases: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        dense, layer = self.dense[number], self.next[number]
        most = np.concatenate([self.vectors.max(axis=0), np.ones(len(dense.kernel) - self.vectors.shape[1])])
        bound = layer.error(dense.sizes(most), dense.error(most, np.zeros(len(most))))
        double = self._blocks(dense, layer, self.vectors, cases, rows)
        single = self._blocks(dense.float32(), layer.float32(), flushed(self.vectors), cases, rows)
        return double, single, bound

    def _blocks(
        self, dense: Dense, layer: Dense, vectors: np.ndarray, cases: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """The results of ``layer`` above ``dense``, whose sum has one part per column of the cases."""
        kernel, hidden, dtype = dense.kernel, vectors.shape[1], vectors.dtype
        at_symbol = vectors @ kernel[:hidden] + dense.bias
        before, at_step, after = np.zeros((3, len(rows), kernel.shape[1]), dtype)
        is_step = (np.arange(len(rows)) > 0).astype(dtype)[:, np.newaxis]
        for index, block in enumerate(np.split(kernel[hidden:], rows.shape[1])):
            values, ends = rows[:, index].astype(dtype), np.cumsum([self.units, self.units, 1, self.units])
            of_step, of_before, before_mark, of_after, after_mark = np.split(block, ends)
            at_step += values @ of_step
            before += values @ of_before + is_step * before_mark
            after += values @ of_after + is_step * after_mark
        parts = []
        for start in range(0, len(cases), BLOCK):
            earlier, here, later, symbol = cases[start : start + BLOCK].T
            sums = np.maximum(before[earlier] + at_step[here] + after[later] + at_symbol[symbol], 0)
            parts.append(layer(flushed(sums) if dtype == np.float32 else sums))
        return np.concatenate(parts)
