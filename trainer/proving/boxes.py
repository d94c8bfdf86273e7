"""A GRU whose state is real numbers: boxes that contain every state that float32 can reach, and its logits there.

A *box* is an interval for each unit. One step of the GRU maps a box into another one (interval arithmetic: Moore,
"Interval Analysis", 1966). Boxes belong to the states of an automaton, which say what was read: the state of the
question, and the last column. From the state 0 before the first column, boxes grow until each one is mapped into that
of the next state, for every column that can follow::

    carry 0, last 2 5    [0.61, 0.68] [-0.97, -0.94]       4 5, no carry     [0.60, 0.67] [-0.96, -0.91]

Then no question of any length leaves them. Each step is rounded outwards by all that float32 can add, so the boxes
contain what float32 computes, and errors do not add up over the steps. Only the dense layers behind the state have an
error bound as the other networks (``tables.py``).
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.proving.automata import NONE, Groups, distinct, nearest
from seq2seq_arith.trainer.proving.questions import Automaton, pair_ids
from seq2seq_arith.trainer.proving.tables import SMALLEST, TANH, UNIT, Dense, RangeError, Weights, above, check_range

SIGMOID = 2.0**-20  # the maximum error of a float32 sigmoid
LIMIT = 1.0625  # the maximum size of a state: those of a GRU are at most 1 without rounding
SPARE = 2.0  # boxes are rounded outwards by so much more than they must, for a check that bounds errors otherwise
WIDENING = 1e-3  # by which a box grows further than it must, so that it soon stops to grow
GROWTH = 1.1  # by which factor that increases in a round, so that it reaches ``LIMIT`` after 74 rounds
# How often boxes are split, and into how many transitions; with more than 8 units, in proportion fewer.
MAX_SPLITS, MAX_TRANSITIONS = 3, 2_000_000
VALUES = 1 << 19  # the maximum number of values of a layer that are computed at a time
SEARCHED = 40  # the maximum number of steps of a question in the search for a wrong one
# In how many directions the search looks for the farthest states, for one unit; with more units, in proportion fewer.
DIRECTIONS = 64
MAX_QUESTIONS = 10_000  # that a search returns
SETTLED = 1e-4  # how little states must change in a step of the search so that it ends


@dataclasses.dataclass(frozen=True)
class Boxes:
    """A box for each state of an automaton.

    Attributes:
      automaton: Its states, and a transition per column that can follow each.
      origin: The state of the questions' automaton that each state stands for, int64 [states].
      lower: The lower ends of the boxes, float64 [states, units].
      upper: The upper ends.
      is_closed: Whether each transition maps its box into that of its target.
    """

    automaton: Automaton
    origin: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    is_closed: bool

    def certificate(self) -> dict[str, np.ndarray]:
        """The boxes as ``check`` reads them: their ends, the states they stand for, and which box follows which."""
        steps = np.stack([self.automaton.source, self.automaton.symbol, self.automaton.target], axis=1)
        origin = self.origin[:, np.newaxis].astype(np.int32)
        return {"lower": self.lower, "upper": self.upper, "origin": origin, "steps": steps.astype(np.int32)}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What boxes say about all questions.

    Attributes:
      boxes: The boxes.
      margins: The least margins of all of their transitions, float64 [transitions].
      open: The transitions that may be wrong, int64 [open]; all of them if the boxes are not closed.
      wrong: Those for which a search found a question that is answered wrong, int64 [wrong].
      wrong_margins: The margins there, float64 [wrong], all negative.
      questions: The symbols of these questions, int64 [steps] each.
    """

    boxes: Boxes
    margins: np.ndarray
    open: np.ndarray
    wrong: np.ndarray
    wrong_margins: np.ndarray
    questions: list[np.ndarray]


def decide(network: "GatedUnits", questions: Automaton, report_progress: ReportProgress = no_progress) -> Verdict:
    """Boxes in which all questions are answered right; or those that leave answers open, and what is answered wrong.

    Where closed boxes leave an answer open, and a search finds no wrong question, they are split.
    ``report_progress`` is called with the number of splits so far.
    """
    automaton, origin = by_column(questions)
    none = np.empty(0, np.int64), np.empty(0), list[np.ndarray]()
    for splits in itertools.count():
        report_progress(splits)
        boxes = network.boxes(automaton, origin)
        margins = network.margins_of(boxes)
        is_open = ~(margins > 2 * network.bound) | (not boxes.is_closed)
        verdict = Verdict(boxes, margins, np.flatnonzero(is_open), *none)
        if not is_open.any():
            break
        if not splits:
            wrong = network.wrong_questions(automaton)
            if len(wrong[0]):
                is_open[wrong[0]] = True
                return Verdict(boxes, margins, np.flatnonzero(is_open), *wrong)
        further = refined(boxes, verdict.open) if boxes.is_closed and splits < MAX_SPLITS else None
        if further is None:
            break
        automaton, origin = further
    return verdict


def by_column(questions: Automaton) -> tuple[Automaton, np.ndarray]:
    """The automaton whose states also record the last column, and the state of each before that: int64 [states]."""
    starts = np.flatnonzero(questions.initial)
    reached, into = distinct(np.stack([questions.target, questions.symbol], axis=1))
    origin = np.concatenate([starts, reached[:, 0]])
    state, edge = Groups(questions.source, len(questions.initial)).members(origin)
    automaton = Automaton(
        initial=np.arange(len(origin)) < len(starts),
        final=questions.final[origin] & (np.arange(len(origin)) >= len(starts)),
        source=state,
        target=len(starts) + into[edge],
        symbol=questions.symbol[edge],
        right=questions.right[edge],
    )
    return automaton, origin


def split(automaton: Automaton, chosen: np.ndarray) -> tuple[Automaton, np.ndarray]:
    """The automaton in which each chosen state, bool [states], has a copy for each state before it.

    Returns it, and the state of which each state is a copy, int64 [states].
    """
    count = len(automaton.initial)
    splits = chosen & ~automaton.initial
    before = np.where(splits[automaton.target], automaton.source, NONE)
    kept = np.flatnonzero(~splits)
    pairs = np.concatenate(
        [np.stack([kept, np.full(len(kept), NONE)], axis=1), np.stack([automaton.target, before], axis=1)]
    )
    copies, number = distinct(pairs)
    # Every copy of the source leaves along a transition, to the copy of the target that belongs to the source itself.
    edge_target = number[len(kept) :]
    state, edge = Groups(automaton.source, count).members(copies[:, 0])
    copied = Automaton(
        initial=automaton.initial[copies[:, 0]],
        final=automaton.final[copies[:, 0]],
        source=state,
        target=edge_target[edge],
        symbol=automaton.symbol[edge],
        right=automaton.right[edge],
    )
    return copied, copies[:, 0]


class GatedUnits:
    """The network ``gru_tagger`` on pairs of digits (``models/parallel.py``), with intervals of its state.

    ``bound`` is the maximum error of a float32 logit at a state that float32 has computed.
    """

    def __init__(self, weights: Weights, alphabet: str) -> None:
        """Raises RangeError if a sum can be too large, KeyError or ValueError if the weights are those of others."""
        left, right = pair_ids(alphabet).T
        row = left * len(alphabet) + right
        gates, pairs = (weights[f"{name}/table"].astype(np.float64)[row] for name in ("gates", "pairs"))
        self.gates, self.pairs = gates, pairs  # [symbols, 3 * units], [symbols, features]
        self.recurrent = Dense.from_weights(weights, "recurrence/cell")
        count = sum(name.startswith("dense_") and name.endswith("/kernel") for name in weights)
        self.dense = [Dense.from_weights(weights, f"dense_{number}") for number in range(count)]
        self.last = Dense.from_weights(weights, "logits")
        self.units = len(self.recurrent.kernel)
        arrays = (gates, pairs, *(part for layer in (self.recurrent, *self.dense, self.last)
                                  for part in (layer.kernel, layer.bias)))  # fmt: skip
        if not all(np.isfinite(array).all() for array in arrays):
            raise RangeError
        if gates.shape[1] != 3 * self.units or self.recurrent.kernel.shape[1] != 3 * self.units or not count:
            raise ValueError("not the gates of a GRU")
        self._bound_step()
        self._bound_logits()

    def _bound_step(self) -> None:
        """Bounds the errors of the results of one step, given the float32 state before it."""
        most = np.full(self.units, LIMIT)
        self.recurrent_error = self.recurrent.error(most)
        largest = most @ np.abs(self.recurrent.kernel) + np.abs(self.recurrent.bias) + self.recurrent_error
        added = np.abs(self.gates).max(axis=0) + largest
        check_range(2 * added)
        # Of the inputs of both sigmoids: the sum of a gate's two parts is rounded.
        self.gate_error = (self.recurrent_error + 2 * UNIT * added + 8 * SMALLEST)[: 2 * self.units]
        # Of the input of tanh: the error of the sigmoid r is multiplied, and the product and the sum are rounded. The
        # interval of the recurrent part already contains its error.
        largest, added = largest[2 * self.units :], added[2 * self.units :]
        self.candidate_error = 1.01 * SIGMOID * largest + 4 * UNIT * added + 16 * SMALLEST
        # Of z h + (1 - z) n: the errors of the sigmoid z and of tanh, and the rounding of four operations.
        error = SIGMOID * (LIMIT + 1.01) + 1.01 * TANH + 16 * UNIT * LIMIT + 16 * SMALLEST
        self.state_error = SPARE * error

    def _bound_logits(self) -> None:
        most = np.concatenate([np.abs(self.pairs).max(axis=0), np.full(self.units, LIMIT)])
        error: np.ndarray = np.zeros(len(most))
        for layer in self.dense:
            error, most = layer.error(most, error), most @ np.abs(layer.kernel) + np.abs(layer.bias)
        self.bound = float(self.last.error(most, error).max())

    def after(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends of boxes that contain every float32 state after a step, from those of the boxes before it.

        Boxes are float64 [boxes, units], within ``LIMIT``; ``symbols`` are the columns of the step, int64 [boxes].
        """
        low, high = _through(self.recurrent, lower, upper)
        low, high = low - self.recurrent_error, high + self.recurrent_error
        gates, both = self.gates[symbols], 2 * self.units
        low_gates = _sigmoid(gates[:, :both] + low[:, :both] - self.gate_error)
        high_gates = _sigmoid(gates[:, :both] + high[:, :both] + self.gate_error)
        (low_reset, low_update), (high_reset, high_update) = (
            np.split(part, 2, axis=1) for part in (low_gates, high_gates)
        )
        corners = [reset * part for reset in (low_reset, high_reset) for part in (low[:, both:], high[:, both:])]
        low_new = np.tanh(gates[:, both:] + np.minimum.reduce(corners) - self.candidate_error)
        high_new = np.tanh(gates[:, both:] + np.maximum.reduce(corners) + self.candidate_error)
        # A mean of state and candidate is linear in its weight, so its extremes are at those of the weight.
        low_ends = [update * lower + (1 - update) * low_new for update in (low_update, high_update)]
        high_ends = [update * upper + (1 - update) * high_new for update in (low_update, high_update)]
        return np.minimum(*low_ends) - self.state_error, np.maximum(*high_ends) + self.state_error

    def margins(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The least margins of the right logits over all others at any states of boxes, float64 [boxes]."""
        low, high = self._features(lower, upper, symbols)
        result = np.empty(len(low))
        for character in np.unique(right):
            rows = np.flatnonzero(right == character)
            kernel = self.last.kernel[:, [character]] - np.delete(self.last.kernel, character, axis=1)
            bias = self.last.bias[character] - np.delete(self.last.bias, character)
            result[rows] = _through(Dense(kernel, bias), low[rows], high[rows])[0].min(axis=1)
        return result

    def logits(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest logits at any states of boxes, float64 [boxes, characters] both."""
        return _through(self.last, *self._features(lower, upper, symbols))

    def _features(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the outputs of the last dense layer before the logits, [boxes, units] both."""
        low, high = (np.concatenate([self.pairs[symbols], end], axis=1) for end in (lower, upper))
        for layer in self.dense:
            low, high = (np.maximum(end, 0) for end in _through(layer, low, high))
        return low, high

    def intervals(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends of all logits that float32 can compute for questions, float64 [questions, steps, characters] both.

        ``symbols`` are [questions, steps]. It holds as long as the states are within ``LIMIT``, as in boxes.
        """
        parts = (self._intervals(symbols[rows]) for rows in self._parts(np.arange(len(symbols))))
        low, high = (np.concatenate(ends) for ends in zip(*parts, strict=True))
        return low - self.bound, high + self.bound

    def _intervals(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``intervals``, of few questions and without ``bound``."""
        lower = upper = np.zeros((len(symbols), self.units))
        steps = []
        for column in symbols.T:
            steps.append(self.logits(lower, upper, column))
            lower, upper = (np.clip(end, -LIMIT, LIMIT) for end in self.after(lower, upper, column))
        low, high = (np.stack(ends, axis=1) for ends in zip(*steps, strict=True))
        return low, high

    def evaluate(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``Tables.evaluate``: the middles of ``intervals``, and whether the highest logit is certain."""
        low, high = self.intervals(symbols)
        middle = (low + high) / 2
        highest = middle.argmax(axis=2)[..., np.newaxis]
        others = high.copy()
        np.put_along_axis(others, highest, -np.inf, axis=2)
        is_certain = np.take_along_axis(low, highest, axis=2)[..., 0] > others.max(axis=2)
        return middle, is_certain.all(axis=1)

    def _parts(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """The numbers of some steps in parts, of which no layer has more than ``VALUES`` values."""
        widest = max(self.gates.shape[1], *(layer.kernel.shape[1] for layer in self.dense))
        size = max(1, VALUES // widest)
        for start in range(0, len(numbers), size):
            yield numbers[start : start + size]

    def boxes(self, automaton: Automaton, origin: np.ndarray) -> Boxes:
        """Boxes of the states of an automaton, which grow until they are closed, or one is larger than ``LIMIT``."""
        by_target = np.argsort(automaton.target, kind="stable")
        lower, upper = np.full((2, len(automaton.initial), self.units), np.inf) * np.array([1, -1])[:, None, None]
        lower[automaton.initial] = upper[automaton.initial] = 0
        changed = automaton.initial
        for number in itertools.count():
            # The boxes before all other transitions have not changed since these were mapped into their targets.
            edges = by_target[changed[automaton.source[by_target]]]
            low, high = np.full_like(lower, np.inf), np.full_like(upper, -np.inf)
            for part in self._parts(edges):
                source = automaton.source[part]
                low_images, high_images = self.after(lower[source], upper[source], automaton.symbol[part])
                targets, first = np.unique(automaton.target[part], return_index=True)
                low[targets] = np.minimum(low[targets], np.minimum.reduceat(low_images, first))
                high[targets] = np.maximum(high[targets], np.maximum.reduceat(high_images, first))
            is_low, is_high = low < lower, high > upper
            # A box that is new is as small as possible.
            widening = WIDENING * GROWTH**number
            widenings = np.where(np.isinf(lower), 0, widening)
            lower, upper = np.where(is_low, low - widenings, lower), np.where(is_high, high + widenings, upper)
            changed = (is_low | is_high).any(axis=1)
            is_closed = not changed.any()
            if is_closed or max(-low.min(), high.max(), 0) > LIMIT - widening:
                break
        return Boxes(automaton, origin, lower, upper, is_closed)

    def margins_of(self, boxes: Boxes) -> np.ndarray:
        """The least margins of all transitions of boxes, float64 [transitions]."""
        automaton, result = boxes.automaton, np.empty(len(boxes.automaton.source))
        for part in self._parts(np.arange(len(result))):
            source = automaton.source[part]
            ends = boxes.lower[source], boxes.upper[source]
            result[part] = self.margins(*ends, automaton.symbol[part], automaton.right[part])
        return result

    def wrong_questions(self, automaton: Automaton) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Searches a wrong question for each of some transitions, the shortest first.

        The search is breadth first; of the states that are reached with the same state of the automaton, it keeps those
        that are the lowest or the highest in a unit, or, of more than 8 units, in one of a few random directions. So it
        may miss a wrong question. It ends after the first step at which questions are answered wrong.

        Returns the ``MAX_QUESTIONS`` transitions with the lowest margins, int64 [wrong], these margins, float64
        [wrong], and the symbols of a question for each.
        """
        leaving = Groups(automaton.source, len(automaton.initial))
        state = np.flatnonzero(automaton.initial)
        points, layers = np.zeros((len(state), self.units)), list[tuple[np.ndarray, np.ndarray]]()
        directions, count = np.eye(self.units), max(1, DIRECTIONS // self.units)
        if count < self.units:
            directions = np.random.default_rng(0).normal(size=(self.units, count))
        for _ in range(SEARCHED):
            point, edge = leaving.members(state)
            products, margins = self._products(points), np.empty(len(edge))
            heights = np.empty((len(edge), directions.shape[1]))
            for part in self._parts(np.arange(len(edge))):
                logits, images = self._step(points, products, point[part], automaton.symbol[edge[part]])
                margins[part], heights[part] = above(logits, automaton.right[edge[part]]), images @ directions
            if (margins < 0).any():
                order = np.argsort(margins, kind="stable")[: np.count_nonzero(margins < 0)]
                _, first = np.unique(edge[order], return_index=True)
                rows = order[np.sort(first)[:MAX_QUESTIONS]]
                following, _ = nearest(automaton.final, automaton.target, automaton.source)
                steps = zip(point[rows].tolist(), edge[rows].tolist(), strict=True)
                strings = [_question(automaton, following, layers, *step) for step in steps]
                return edge[rows], margins[rows], strings
            kept = _extremes(automaton.target[edge], heights)
            layers.append((point[kept], edge[kept]))
            before, state = points, automaton.target[edge[kept]]
            _, points = self._step(points, products, point[kept], automaton.symbol[edge[kept]])
            if before.shape == points.shape and np.abs(before - points).max() < SETTLED:
                break
        return np.empty(0, np.int64), np.empty(0), []

    def _products(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the recurrence and the first dense layer add for states, whatever the column, [points, ...] both."""
        return self.recurrent(points), points @ self.dense[0].kernel[self.pairs.shape[1] :]

    def _step(
        self, points: np.ndarray, products: tuple[np.ndarray, np.ndarray], point: np.ndarray, symbols: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The logits and the next states of steps, float64 [steps, ...], from the point and the column of each."""
        recurrent, of_state = (product[point] for product in products)
        gates, both = self.gates[symbols], 2 * self.units
        reset, update = np.split(_sigmoid(gates[:, :both] + recurrent[:, :both]), 2, axis=1)
        candidate = np.tanh(gates[:, both:] + reset * recurrent[:, both:])
        first, width = self.dense[0], self.pairs.shape[1]
        features = np.maximum(of_state + (self.pairs @ first.kernel[:width] + first.bias)[symbols], 0)
        for layer in self.dense[1:]:
            features = np.maximum(layer(features), 0)
        return self.last(features), update * points[point] + (1 - update) * candidate


def _question(
    automaton: Automaton, following: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]], point: int, edge: int
) -> np.ndarray:
    """The symbols of a question with a point and a transition at its last searched step.

    ``following`` is the next transition of a shortest way to an end, ``NONE`` at an end: int64 [states].
    """
    edges = [edge]
    for points, transitions in reversed(layers):
        edges.insert(0, int(transitions[point]))
        point = int(points[point])
    while (further := int(following[automaton.target[edges[-1]]])) != NONE:
        edges.append(further)
    return automaton.symbol[edges]


def refined(boxes: Boxes, uncertain: np.ndarray) -> tuple[Automaton, np.ndarray] | None:
    """An automaton with smaller boxes where transitions are uncertain, int64 [uncertain], and its states' origins.

    A state from which they leave is split by the states before it; if there is only one, that one is split. None if
    there would be too many transitions, or if nothing can be split.
    """
    automaton = boxes.automaton
    edges, _ = distinct(np.stack([automaton.source, automaton.target], axis=1))
    sources = np.bincount(edges[:, 1], minlength=len(automaton.initial))  # how many states are before each
    chosen = np.zeros(len(sources), bool)
    chosen[automaton.source[uncertain]] = True
    while (alone := chosen & (sources <= 1)).any():
        before = edges[alone[edges[:, 1]], 0]
        further = chosen & ~alone
        further[before] = True
        if (further == chosen).all() or not further.any():
            break
        chosen = further
    chosen &= (sources > 1) & ~automaton.initial
    # Each copy of a state, one for each state before it, has all of its transitions.
    leaving = np.bincount(automaton.source, minlength=len(sources))
    transitions = leaving @ np.where(chosen, sources, 1)
    if not chosen.any() or transitions * max(1, boxes.lower.shape[1] / 8) > MAX_TRANSITIONS:
        return None
    automaton, copied = split(automaton, chosen)
    return automaton, boxes.origin[copied]


def _extremes(groups: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points, by number, that are the lowest or the highest of their group in one of their coordinates."""
    chosen = []
    for coordinate in points.T:
        order = np.lexsort([coordinate, groups])
        ends = np.flatnonzero(np.diff(groups[order], append=-1))
        chosen += [order[ends], order[np.append(0, ends[:-1] + 1)]]
    return np.unique(np.concatenate(chosen))


def _through(layer: Dense, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest results of a dense layer for inputs of boxes [boxes, inputs]."""
    positive, negative = np.maximum(layer.kernel, 0), np.minimum(layer.kernel, 0)
    low = lower @ positive + upper @ negative + layer.bias
    return low, upper @ positive + lower @ negative + layer.bias


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(values / 2)
