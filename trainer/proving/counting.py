"""A counter (``models/parallel.py``) in NumPy: what each character adds to its counters, and the logits of questions.

All sums are float64. Where every gate is saturated, a counter adds whole numbers, and float32 counts as exactly.
"""

import re

import numpy as np

from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS
from seq2seq_arith.trainer.proving.tables import SMALLEST, TANH, UNIT, Dense, Weights, check_range, is_above

QUESTIONS = 50  # whose errors are computed at a time


class CounterSums:
    """The weights of a counter; it is evaluated on questions of any length.

    Raises RangeError if a sum can be too large for float32.
    """

    def __init__(self, weights: Weights, alphabet: str) -> None:
        self.alphabet = alphabet
        self.read, self.read_errors = _added(weights, "encoder")
        self.written, self.written_errors = _added(weights, "decoder")
        self.signal = weights["readout_signal/kernel"].astype(np.float64)
        # By their numbers, because "readout_10" is before "readout_2" in the order of strings.
        count = sum(re.fullmatch("readout_[0-9]+/kernel", name) is not None for name in weights)
        names = [*(f"readout_{number}" for number in range(count)), "logits"]
        self.layers = [Dense.from_weights(weights, name) for name in names]
        self._bound_of_logits(np.full(self.read.shape[1], 2.0))  # checks the range: no tanh can be wrong by more

    def evaluate(self, ids: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The logits of questions, and whether the float32 network certainly has the same answer.

        The ids are [questions, characters]. Returns float64 [questions, steps, characters] and bool [questions].
        """
        counts = np.stack([np.sum(ids == number, axis=1) for number in range(len(self.alphabet))], axis=1)
        values, errors = self._counted(counts, steps)
        outputs = self.layers[0](np.tanh(values)) + self.signal[np.minimum(np.arange(steps), 1)]  # GoSignal
        for layer in self.layers[1:]:
            outputs = layer(np.maximum(outputs, 0))
        # The slope of tanh is at most 1; ``bound`` has smaller errors, but takes longer.
        bound = self._bound_of_logits(np.minimum(errors.max(axis=(0, 1)), 2))
        return outputs, is_above(outputs, bound)

    def bound(self, counts: np.ndarray, steps: int) -> float:
        """The maximum error of float32 logits, for answers of so many steps.

        ``counts`` says how often each question has each character, [questions, characters].
        """
        error = np.zeros(self.read.shape[1])
        for start in range(0, len(counts), QUESTIONS):
            values, errors = self._counted(counts[start : start + QUESTIONS], steps)
            middle = np.tanh(values)
            for end in (np.tanh(values + errors) - middle, middle - np.tanh(values - errors)):
                error = np.maximum(error, end.max(axis=(0, 1)))
        return self._bound_of_logits(error)

    def _counted(self, counts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The counters at each step, and their maximum errors in float32, float64 [questions, steps, units] both."""
        # How often the decoder has added the number of the first step, and that of all others.
        times = np.stack([np.ones(steps), np.arange(steps)], axis=1)
        values = (counts @ self.read)[:, np.newaxis] + times @ self.written
        errors = _sum_errors(counts, self.read, self.read_errors, len(self.read))[:, np.newaxis]
        errors = errors + _sum_errors(times, self.written, self.written_errors, steps)
        # The last sum is exact, too, where only whole numbers are added.
        is_whole = ~np.any(self.read_errors, axis=0) & ~np.any(self.written_errors, axis=0)
        return values, errors + np.where(is_whole, 0, UNIT * (np.abs(values) + errors) + SMALLEST)

    def _bound_of_logits(self, error: np.ndarray) -> float:
        """The maximum error of a float32 logit, given how much the tanh of each counter changes by errors before it."""
        most, error = np.ones(len(error)), error + TANH
        signal = np.abs(self.signal).max(axis=0)
        for number, layer in enumerate(self.layers):
            most, error = most @ np.abs(layer.kernel) + np.abs(layer.bias), layer.error(most, error)
            if number == 0:
                check_range(most + error + signal)
                most, error = most + signal, error + 2 * UNIT * (most + error + signal) + 4 * SMALLEST
        return float(error.max())


def _added(weights: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What each character adds to each counter, and its maximum error in float32, float64 [characters, units] both.

    The error is 0 where gate and value are saturated, so that -1, 0 or +1 is added, whether or not sums are fused.
    """
    kernel, bias = (weights[f"{name}/{part}"].astype(np.float64) for part in ("kernel", "bias"))
    check_range(COUNTER_STEEPNESS * (np.abs(kernel) + np.abs(bias)) + 1)
    numbers = COUNTER_STEEPNESS * (kernel + bias)
    errors = 4 * UNIT * (np.abs(numbers) + 0.5) + 64 * SMALLEST
    (gates, values), (gate_errors, value_errors) = np.split(numbers, 2, axis=1), np.split(errors, 2, axis=1)
    is_closed, is_open = gates + 0.5 + gate_errors < 0, gates - 0.5 - gate_errors > 0
    is_saturated = np.abs(values) - value_errors > 1
    gate_errors, value_errors = np.where(is_open, 0, gate_errors), np.where(is_saturated, 0, value_errors)
    either = gate_errors + value_errors + gate_errors * value_errors + UNIT + SMALLEST
    added = np.clip(gates + 0.5, 0, 1) * np.clip(values, -1, 1)
    return added, np.where(is_closed | (is_open & is_saturated), 0, either)


def _sum_errors(times: np.ndarray, added: np.ndarray, errors: np.ndarray, terms: int) -> np.ndarray:
    """The maximum errors of sums of what is added so often, times [..., characters], by so many additions.

    Whole numbers are added exactly; how many others there are also bounds the error (``check/counter.py`` says why).
    """
    sizes, others = times @ (np.abs(added) + errors), times @ (errors > 0)
    rounding = np.minimum((terms + 2) * UNIT, 4 * UNIT * others) * 2 * sizes
    return times @ errors + np.where(others > 0, rounding + 4 * (terms + 1) * SMALLEST, 0)
