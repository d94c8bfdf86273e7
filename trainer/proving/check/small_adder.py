"""The small adder of ``examples/small_adder.py``: it reads two columns, and the character that it wrote before.

With the vectors v of characters, and w of the right operand (the same ones, unless the option ``ordered`` is given)::

    column_t = v[left_t] + w[right_t]
    carry_t  = tanh(carry([column_{t-1}, v[written_{t-1}]]))
    logits_t = logits(tanh(digit([column_t, carry_t])))

At the first step, ``column`` is zeros, and ``written`` is a character of its own, the last one.

**The certificate** lists in ``states`` what can be between two steps while all characters are right: the state of the
question, and the symbol and the right character of the step before, or -1 and -1. It must contain the first states,
and each state that follows. So, by induction, the network meets only these as long as its characters are right.
"""

import numpy as np
from floats import SMALLEST, TANH, UNIT, Dense, check_margins, flushed, require_finite
from reading import Refused, Run, certificate, require
from rules import ALPHABETS, SYMBOLS, automaton, pairs

SIZES = {"vector": 3, "carry": 2, "digit": 18, "ordered": False}


def shapes(run: Run) -> dict[str, tuple[int, ...]]:
    """The arrays of the checkpoint."""
    sizes, depth = _sizes(run), len(ALPHABETS.get(run.task, ""))
    vector, carry, digit = sizes["vector"], sizes["carry"], sizes["digit"]
    shapes: dict[str, tuple[int, ...]] = {"vector/kernel": (depth + 1, vector)}
    if sizes["ordered"]:
        shapes["right/kernel"] = (depth + 1, vector)
    for name, inputs, units in (
        ("carry", 2 * vector, carry),
        ("digit", vector + carry, digit),
        ("logits", digit, depth),
    ):
        shapes |= {f"{name}/kernel": (inputs, units), f"{name}/bias": (units,)}
    return shapes


def _sizes(run: Run) -> dict[str, int]:
    sizes = SIZES | (run.model.get("options") or {})
    if sizes.keys() != SIZES.keys() or not all(isinstance(size, int) for size in sizes.values()):
        raise Refused("the options of the small adder are not its sizes")
    return sizes


def check(run: Run, weights: dict[str, np.ndarray]) -> str:
    """Checks that every case is right, and returns what is proved; raises Refused otherwise."""
    parts = certificate(run, {"states": 3, "questions": 4 if run.task == "addition" else 7})
    edges, states, depth = automaton(run.task, parts["questions"]), parts["states"], len(ALPHABETS[run.task])
    is_state = (states >= [0, -1, -1]) & (states < [len(edges.initial), len(SYMBOLS), depth])
    require(is_state.all(), "a state of the certificate has a part that does not exist")
    known, first = np.unique(_key(states)), np.flatnonzero(edges.initial)[:, np.newaxis]
    is_there = np.isin(_key(np.pad(first, ((0, 0), (0, 2)), constant_values=-1)), known)
    require(is_there.all(), "a first state is missing in the certificate")
    follows = np.stack([edges.target, edges.symbol, edges.right], axis=1)
    require(np.isin(_key(follows), known).all(), "a state that follows is missing in the certificate")
    # Every state with every transition of its question: the symbol and the character before, the symbol, what is right.
    order = np.argsort(edges.source, kind="stable")
    sources = edges.source[order]
    start, end = (np.searchsorted(sources, states[:, 0], side=side) for side in ("left", "right"))
    state = np.repeat(np.arange(len(states)), end - start)
    edge = order[np.arange(len(state)) - np.repeat(np.cumsum(end - start) - (end - start) - start, end - start)]
    cases = np.unique(np.stack([*states[state, 1:].T, edges.symbol[edge], edges.right[edge]], axis=1), axis=0)
    double, single, bound = _logits(run, weights, cases)
    margin = check_margins(double, single, cases[:, 3], bound)
    return (
        f"every question of {run.task}, of any length, is answered right ({len(cases):,} cases; the least margin is "
        f"{margin:.6g}, and float32 is wrong by at most {bound:.3g})"
    )


def _key(states: np.ndarray) -> np.ndarray:
    return (states[:, 0] * 1000 + states[:, 1] + 1) * 1000 + states[:, 2] + 1


def _logits(run: Run, weights: dict[str, np.ndarray], cases: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The logits of cases in float64 and in float32, and their maximum error."""
    left, right = pairs(run.task).T
    vector = weights["vector/kernel"].astype(np.float64)
    column = vector[left] + weights.get("right/kernel", weights["vector/kernel"]).astype(np.float64)[right]
    layers = [Dense.read(weights, name) for name in ("carry", "digit", "logits")]
    most, of_vector = np.abs(column).max(axis=0), np.abs(vector).max(axis=0)
    require_finite(most)
    error = 2 * UNIT * most + 4 * SMALLEST  # of a column: of one sum
    carry = layers[0].error(np.concatenate([most, of_vector]), np.concatenate([error, np.zeros(len(of_vector))])) + TANH
    digit = layers[1].error(np.concatenate([most, np.ones(len(carry))]), np.concatenate([error, carry])) + TANH
    bound = float(layers[2].error(np.ones(len(digit)), digit).max())
    results = []
    for dtype in (np.float64, np.float32):
        is_single = dtype == np.float32
        of_carry, of_digit, of_logits = (layer.float32() if is_single else layer for layer in layers)
        vectors = flushed(vector) if is_single else vector
        columns = flushed(column) if is_single else column
        columns = np.concatenate([columns, np.zeros((1, columns.shape[1]), dtype)])  # the last one is for no step
        seen = np.concatenate([columns[cases[:, 0]], vectors[cases[:, 1]]], axis=1)
        state = np.tanh(of_carry(seen))
        results.append(of_logits(np.tanh(of_digit(np.concatenate([columns[cases[:, 2]], state], axis=1)))))
    return results[0], results[1], bound
