"""A GRU with dense layers that see its state before a step; it reads one column per step.

With the gates of a column, (g_r, g_z, g_n), the vector v of a column, and the state h, which is 0 at first::

    r    = sigmoid(g_r + h U_r + b_r)
    z    = sigmoid(g_z + h U_z + b_z)
    n    = tanh(g_n + r * (h U_n + b_n))
    next = z * h + (1 - z) * n
    logits = last(relu(dense_1(relu(dense_0([v, h])))))          as many dense layers as there are

**The certificate** lists boxes: the ends of an interval of each unit (``lower``, ``upper``), and the state of the
question that a box belongs to (``origin``). In ``steps`` it names for each box and column the box after it. This is
checked: the state 0 is in a box of each first state of a question; and each box is mapped into the box after it, for
all columns with which a question can go on. So, by induction over the steps, no state leaves the boxes. And in each
box, the right logit is above all others.

What is checked are intervals of what float32 computes from a float32 state, in any order and with small numbers read
as zero, so that errors do not add up over the steps. A float32 sigmoid and a float32 tanh are wrong by at most 2^-20.
"""

from dataclasses import dataclass

import numpy as np
from floats import SMALLEST, TANH, UNIT, Dense, require_finite
from reading import Run, certificate, require
from rules import ALPHABETS, Automaton, automaton, pairs

PAIR_UNITS, DENSE_UNITS = 24, 48
MAX_UNITS, MAX_LAYERS = 2**14, 64  # the largest that can be trained
SIGMOID = 2.0**-20
LARGEST_STATE = 1.0625  # no box reaches further
BLOCK = 1 << 13  # steps that are checked at a time


def shapes(run: Run) -> dict[str, tuple[int, ...]]:
    """The arrays of the checkpoint."""
    units, layers, depth = run.model.get("hidden"), run.model.get("layers"), len(ALPHABETS.get(run.task, ""))
    require(isinstance(units, int) and isinstance(layers, int), "the configuration has no sizes")
    assert isinstance(units, int) and isinstance(layers, int)
    require(0 < units <= MAX_UNITS and 0 < layers <= MAX_LAYERS, "the sizes are out of range")
    require(run.model.get("options") is None, "the options of the GRU are not described")
    shapes: dict[str, tuple[int, ...]] = {
        "gates/table": (depth**2, 3 * units),
        "pairs/table": (depth**2, PAIR_UNITS),
        "recurrence/cell/kernel": (units, 3 * units),
        "recurrence/cell/bias": (3 * units,),
        "logits/kernel": (DENSE_UNITS, depth),
        "logits/bias": (depth,),
    }
    for number in range(layers):
        shapes[f"dense_{number}/kernel"] = (DENSE_UNITS if number else PAIR_UNITS + units, DENSE_UNITS)
        shapes[f"dense_{number}/bias"] = (DENSE_UNITS,)
    return shapes


def check(run: Run, weights: dict[str, np.ndarray]) -> str:
    """Checks the boxes and all of their steps, and returns what is proved; raises Refused otherwise."""
    columns = {"questions": 4 if run.task == "addition" else 7, "origin": 1, "steps": 3}
    network = Network(weights, run)
    parts = certificate(run, columns, reals={"lower": network.units, "upper": network.units})
    edges = automaton(run.task, parts["questions"])
    origin, lower, upper = parts["origin"][:, 0], parts["lower"], parts["upper"]
    require(len(origin) == len(lower) == len(upper), "the certificate has not one state and two ends for each box")
    require(((origin >= 0) & (origin < len(edges.initial))).all(), "a box belongs to no state of a question")
    is_box = np.isfinite(lower) & np.isfinite(upper) & (lower <= upper) & (lower >= -LARGEST_STATE)
    require((is_box & (upper <= LARGEST_STATE)).all(), "a box is not an interval, or is too large")
    has_start = np.unique(origin[((lower <= 0) & (upper >= 0)).all(axis=1)])
    require(np.isin(np.flatnonzero(edges.initial), has_start).all(), "the first state is in no box")
    box, edge, after = followed(edges, origin, parts["steps"])
    least = np.inf
    for start in range(0, len(box), BLOCK):
        part = slice(start, start + BLOCK)
        ends, symbols = (lower[box[part]], upper[box[part]]), edges.symbol[edge[part]]
        low, high = network.after(*ends, symbols)
        is_inside = (low >= lower[after[part]]) & (high <= upper[after[part]])
        require(is_inside.all(), "a box is not mapped into the box after it")
        margins = network.margins(*ends, symbols, edges.right[edge[part]])
        require((margins > 2 * network.bound).all(), "a case is wrong, or so nearly right that rounding may decide")
        least = min(least, float(margins.min()))
    return (
        f"every question of {run.task}, of any length, is answered right ({len(box):,} cases; the least margin is "
        f"{least:.6g}, and float32 is wrong by at most {network.bound:.3g})"
    )


def followed(edges: Automaton, origin: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every box with every transition of its state, and the box after it; refuses if one is missing.

    ``steps`` are [steps, 3]: a box, a symbol and the box after it. The box after it must belong to the next state.
    """
    order = np.argsort(edges.source, kind="stable")
    sources = edges.source[order]
    start, end = (np.searchsorted(sources, origin, side=side) for side in ("left", "right"))
    box = np.repeat(np.arange(len(origin)), end - start)
    edge = order[np.arange(len(box)) - np.repeat(np.cumsum(end - start) - (end - start) - start, end - start)]
    is_step = (steps >= 0).all(axis=1) & (steps[:, [0, 2]] < len(origin)).all(axis=1) & (steps[:, 1] < 121)
    require(is_step.all(), "a step of the certificate has a part that does not exist")
    require(len(steps) > 0, "the certificate has no steps")
    # A key of a box, a symbol and the state of the question after it.
    keys = (steps[:, 0] * 121 + steps[:, 1]) * len(edges.initial) + origin[steps[:, 2]]
    needed = (box * 121 + edges.symbol[edge]) * len(edges.initial) + edges.target[edge]
    by_key = np.argsort(keys, kind="stable")
    place = by_key[np.minimum(np.searchsorted(keys[by_key], needed), len(keys) - 1)]
    require((keys[place] == needed).all(), "a step is missing in the certificate")
    return box, edge, steps[place, 2]


@dataclass(frozen=True)
class Interval:
    """The ends of intervals, [boxes, units] both."""

    low: np.ndarray
    high: np.ndarray

    def widened(self, error: np.ndarray | float) -> "Interval":
        return Interval(self.low - error, self.high + error)

    def __add__(self, values: np.ndarray) -> "Interval":
        return Interval(self.low + values, self.high + values)

    def through(self, kernel: np.ndarray, bias: np.ndarray) -> "Interval":
        """All results of a dense layer: around the middle, they reach as far as the sizes of the weights allow."""
        middle, radius = (self.low + self.high) / 2 @ kernel + bias, (self.high - self.low) / 2 @ np.abs(kernel)
        return Interval(middle - radius, middle + radius)

    def split(self, parts: int) -> list["Interval"]:
        ends = zip(np.split(self.low, parts, axis=1), np.split(self.high, parts, axis=1), strict=True)
        return [Interval(*end) for end in ends]


class Network:
    """The network in float64, and what float32 can add to its intervals."""

    def __init__(self, weights: dict[str, np.ndarray], run: Run) -> None:
        left, right = pairs(run.task).T
        rows = left * len(ALPHABETS[run.task]) + right
        self.gates, self.vectors = (weights[f"{name}/table"].astype(np.float64)[rows] for name in ("gates", "pairs"))
        self.cell = Dense.read(weights, "recurrence/cell")
        self.dense = [Dense.read(weights, f"dense_{number}") for number in range(run.model["layers"])]
        self.last = Dense.read(weights, "logits")
        self.units = len(self.cell.kernel)
        most, none = np.full(self.units, LARGEST_STATE), np.zeros(self.units)
        self.of_cell = self.cell.error(most, none)
        size = self.cell.sizes(most) + self.of_cell
        gates = np.abs(self.gates).max(axis=0)
        require_finite(4 * (size + gates))
        rounding = UNIT * (size + gates) + 4 * SMALLEST
        self.of_gates = (self.of_cell + 1.5 * rounding)[: 2 * self.units]
        # The sigmoid is wrong by its error and may be above 1 by as much; a product and a sum are rounded.
        self.of_candidate = (1.001 * SIGMOID * size + 3 * rounding)[2 * self.units :]
        # Two products, a difference and a sum are rounded, none of which is above 2 * LARGEST_STATE.
        self.of_state = 2.1 * LARGEST_STATE * SIGMOID + 1.001 * TANH + 10 * UNIT * LARGEST_STATE + 8 * SMALLEST
        sizes = np.concatenate([np.abs(self.vectors).max(axis=0), most])
        error: np.ndarray = np.zeros(len(sizes))
        for layer in self.dense:
            error, sizes = layer.error(sizes, error), layer.sizes(sizes)
        self.bound = float(self.last.error(sizes, error).max())

    def after(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends of all float32 states after a step from states of boxes, [boxes, units]."""
        recurrent = Interval(lower, upper).through(self.cell.kernel, self.cell.bias)
        both, gates = 2 * self.units, self.gates[symbols]
        inputs = Interval(recurrent.low[:, :both], recurrent.high[:, :both]) + gates[:, :both]
        inputs = inputs.widened(self.of_gates)
        reset, update = Interval(sigmoid(inputs.low), sigmoid(inputs.high)).split(2)
        recurrent = recurrent.widened(self.of_cell)
        low, high = recurrent.low[:, both:], recurrent.high[:, both:]
        # r is at least 0, so the least product has the least r where the other factor is positive.
        least = np.where(low > 0, reset.low, reset.high) * low
        most = np.where(high > 0, reset.high, reset.low) * high
        inputs = (Interval(least, most) + gates[:, both:]).widened(self.of_candidate)
        new = Interval(np.tanh(inputs.low), np.tanh(inputs.high))
        # n + z (h - n) with the least h and n: it falls with z where h is below n.
        first, second = lower - new.low, upper - new.high
        low = new.low + np.where(first > 0, update.low, update.high) * first
        high = new.high + np.where(second > 0, update.high, update.low) * second
        return low - self.of_state, high + self.of_state

    def margins(self, lower: np.ndarray, upper: np.ndarray, symbols: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The least differences of the right logit from the others at states of boxes, [boxes]."""
        vectors = self.vectors[symbols]
        values = Interval(np.concatenate([vectors, lower], axis=1), np.concatenate([vectors, upper], axis=1))
        for layer in self.dense:
            values = values.through(layer.kernel, layer.bias)
            values = Interval(np.maximum(values.low, 0), np.maximum(values.high, 0))
        margins = np.full(len(right), np.inf)
        for character in range(self.last.kernel.shape[1]):
            kernel = self.last.kernel[:, right] - self.last.kernel[:, [character]]  # [units, boxes]
            bias = self.last.bias[right] - self.last.bias[character]
            ends = np.where(kernel.T > 0, values.low, values.high)
            difference = np.einsum("bu,ub->b", ends, kernel) + bias
            margins = np.where(right == character, margins, np.minimum(margins, difference))
        return margins


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
