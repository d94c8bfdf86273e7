"""The counter, which answers questions of pq: ``--p---`` is ``q-----``, a sum of dashes.

Each character of the question adds a number to each counter, and then the decoder adds another one at each step: one at
the first step, and one at all others. With k the dashes of the question, and s_t = [1, 0] at step 0 and [0, 1] later::

    added(x)  = clip(20 (kernel[x] + bias)_gate + 1/2, 0, 1) * clip(20 (kernel[x] + bias)_value, -1, 1)
    count_t   = sum of added(x) over the question, by ``encoder``, + sum of added(s_i) for i = 0 .. t, by ``decoder``
    y_t       = readout_0(tanh(count_t)) + readout_signal(s_t);   then readout_1(relu(y_t)), ...
    logits_t  = logits(relu(y_t))

So the answer depends only on k, and every k up to twice the size of the configuration is evaluated; there is no
certificate. Where gate and value are saturated, whole numbers are added, and float32 adds these without an error.

A sum of whole numbers and of m other ones, whose sizes add up to s < 2^23, has an error of at most 4 u m s in every
order. A partial sum is rounded only if it has a finer digit than its last place, which comes from one of the m numbers.
Then that digit is gone. So the roundings that are due to one of them have different last places, and add up to at most
twice the coarsest one; where two of them meet, one more is added.
"""

import numpy as np
from floats import SMALLEST, TANH, UNIT, Dense, check_margins, flushed, require_finite
from reading import Refused, Run, require
from rules import ALPHABETS

STEEPNESS, READOUT = 20.0, 32
SUMS = 50  # sums of dashes that are evaluated at a time


def shapes(run: Run) -> dict[str, tuple[int, ...]]:
    """The arrays of the checkpoint."""
    hidden, layers, depth = run.model.get("hidden"), run.model.get("layers"), len(ALPHABETS["pq"])
    if not (isinstance(hidden, int) and isinstance(layers, int) and hidden > 0 and layers > 0):
        raise Refused("the configuration has no numbers of hidden units and of layers")
    shapes: dict[str, tuple[int, ...]] = {"readout_signal/kernel": (2, READOUT)}
    for name, characters in (("encoder", depth), ("decoder", 2)):
        shapes |= {f"{name}/kernel": (characters, 2 * hidden), f"{name}/bias": (2 * hidden,)}
    for name, inputs, units in [
        *((f"readout_{number}", READOUT if number else hidden, READOUT) for number in range(layers)),
        ("logits", READOUT, depth),
    ]:
        shapes |= {f"{name}/kernel": (inputs, units), f"{name}/bias": (units,)}
    return shapes


def check(run: Run, weights: dict[str, np.ndarray]) -> str:
    """Checks that every case is right, and returns what is proved; raises Refused otherwise."""
    require(run.task == "pq", "a counter is checked for pq only")
    alphabet, width = ALPHABETS["pq"], 2 * run.size + 1  # the characters of a question, and of an answer
    encoder, decoder = (Added(weights, name) for name in ("encoder", "decoder"))
    signals = np.minimum(np.arange(width), 1)
    written = np.stack([np.ones(width), np.arange(width)], axis=1)  # how often the decoder has added either number
    steps, step_errors = decoder.sums(written, width)
    names = [f"readout_{number}" for number in range(run.model["layers"])]
    layers = [Dense.read(weights, name) for name in (*names, "logits")]
    signal = weights["readout_signal/kernel"].astype(np.float64)
    dashes, least, largest = np.arange(2, 2 * run.size + 1), np.inf, 0.0
    for start in range(0, len(dashes), SUMS):
        total = dashes[start : start + SUMS]
        counts = np.zeros((len(total), len(alphabet)))
        counts[:, alphabet.index("-")], counts[:, alphabet.index("p")] = total, 1
        counts[:, alphabet.index(" ")] = width - 1 - total
        read, read_errors = encoder.sums(counts, len(alphabet))
        values, errors = read[:, np.newaxis] + steps, read_errors[:, np.newaxis] + step_errors
        # The last sum is exact, too, where both of its terms are.
        errors += np.where(encoder.is_whole & decoder.is_whole, 0, UNIT * (np.abs(values) + errors) + SMALLEST)
        middle = np.tanh(values)
        error = np.maximum(np.tanh(values + errors) - middle, middle - np.tanh(values - errors)) + TANH
        bound = _bound(layers, signal, error.max(axis=(0, 1)))
        double = _readout(layers, signal[signals], middle)
        single = _readout([layer.float32() for layer in layers], flushed(signal)[signals], flushed(middle))
        right = np.full((len(total), width), alphabet.index(" "))
        right[(np.arange(width) > 0) & (np.arange(width) <= total[:, np.newaxis])] = alphabet.index("-")
        right[:, 0] = alphabet.index("q")
        depth = len(alphabet)
        margin = check_margins(double.reshape(-1, depth), single.reshape(-1, depth), right.reshape(-1), bound)
        least, largest = min(least, margin), max(largest, bound)
    return (
        f"every question of pq, of up to {run.size:,} dashes, is answered right ({len(dashes) * width:,} cases; the "
        f"least margin is {least:.6g}, and float32 is wrong by at most {largest:.3g})"
    )


class Added:
    """What each character adds to each counter, float64 [characters, units], and how far float32 can be from it.

    The products and sums before the clipping may be fused, so float32 results that are not saturated can differ.
    """

    def __init__(self, weights: dict[str, np.ndarray], name: str) -> None:
        kernel, bias = (weights[f"{name}/{part}"].astype(np.float64) for part in ("kernel", "bias"))
        numbers = STEEPNESS * (kernel + bias)
        require_finite(np.abs(kernel) + np.abs(bias))
        require_finite(np.abs(numbers) + 1)
        error = 4 * UNIT * (np.abs(numbers) + 0.5) + 64 * SMALLEST
        (gates, candidates), (gate_error, error) = np.split(numbers, 2, axis=1), np.split(error, 2, axis=1)
        gates = gates + 0.5
        gate, value = np.clip(gates, 0, 1), np.clip(candidates, -1, 1)
        is_closed = gates + gate_error < 0
        is_sure = (gates - gate_error > 1) & (np.abs(candidates) - error > 1)
        gate_error = np.where(is_closed | (gates - gate_error > 1), 0, gate_error)
        error = np.where(np.abs(candidates) - error > 1, 0, error)
        is_exact = is_closed | is_sure
        self.values = gate * value
        self.errors = np.where(is_exact, 0, gate_error + error + gate_error * error + UNIT + SMALLEST)
        self.is_other = ~is_exact  # bool [characters, units]: what is added is not certainly -1, 0 or +1
        self.is_whole = is_exact.all(axis=0)  # bool [units]

    def sums(self, counts: np.ndarray, terms: int) -> tuple[np.ndarray, np.ndarray]:
        """The sums of what is added so often, counts [..., characters], by so many additions; and their errors."""
        sizes = counts @ (np.abs(self.values) + self.errors)
        require((sizes < 2**23).all(), "a sum is too large")
        any_order = (terms + 1) * UNIT / (1 - (terms + 1) * UNIT) * sizes
        rounding = np.minimum(any_order, 4 * UNIT * (counts @ self.is_other) * sizes) + 4 * (terms + 1) * SMALLEST
        return counts @ self.values, counts @ self.errors + np.where(self.is_whole, 0, rounding)


def _readout(layers: list[Dense], signal: np.ndarray, state: np.ndarray) -> np.ndarray:
    """The logits, of the tanh of counts [sums, steps, units] and the signal's part [steps, READOUT]."""
    outputs = layers[0](state) + signal
    for layer in layers[1:]:
        outputs = layer(np.maximum(outputs, 0))
    return outputs


def _bound(layers: list[Dense], signal: np.ndarray, error: np.ndarray) -> float:
    """The maximum error of a float32 logit, given the maximum error of each tanh."""
    most, of_signal = np.ones(len(error)), np.abs(signal).max(axis=0)
    for number, layer in enumerate(layers):
        most, error = layer.sizes(most), layer.error(most, error)
        if number == 0:
            require_finite(most + error + of_signal)
            most, error = most + of_signal, error + 2 * UNIT * (most + error + of_signal) + 4 * SMALLEST
    return float(error.max())
