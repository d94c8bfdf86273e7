"""A counter (``models/parallel.py``) in NumPy: what each character adds to its counters, and the logits of questions.

All sums are float64. Where every gate is saturated, a counter adds whole numbers, and float32 counts as exactly.
"""

import re

import numpy as np

from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS
from seq2seq_arith.trainer.proving.tables import TANH, UNIT, Dense, Weights, counter_bound, is_above


class CounterSums:
    """The weights of a counter; it is evaluated on questions of any length.

    Raises RangeError if a sum can be too large for float32.
    """

    def __init__(self, weights: Weights, alphabet: str) -> None:
        counter_bound(weights, np.zeros((1, len(alphabet))), 1)  # checks the range
        self.weights, self.alphabet = weights, alphabet
        self.read, self.read_error = _added(weights, "encoder")
        self.written, self.written_error = _added(weights, "decoder")
        self.signal = weights["readout_signal/kernel"].astype(np.float64)
        names = sorted(
            (name.removesuffix("/kernel") for name in weights if re.fullmatch("readout_[0-9]+/kernel", name)),
            key=lambda name: int(name.removeprefix("readout_")),
        )
        self.layers = [Dense.from_weights(weights, name) for name in (*names, "logits")]

    def evaluate(self, ids: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The logits of questions, and whether the float32 network certainly has the same answer.

        The ids are [questions, characters]. Returns float64 [questions, steps, characters] and bool [questions].
        """
        counts = np.stack([np.sum(ids == number, axis=1) for number in range(len(self.alphabet))], axis=1)
        signals = np.minimum(np.arange(steps), 1)  # GoSignal
        counted = (counts @ self.read)[:, np.newaxis] + np.cumsum(self.written[signals], axis=0)
        outputs = self.layers[0](np.tanh(counted)) + self.signal[signals]
        for layer in self.layers[1:]:
            outputs = layer(np.maximum(outputs, 0))
        return outputs, is_above(outputs, self._bound(ids.shape[1], steps))

    def _bound(self, characters: int, steps: int) -> float:
        """The maximum error of a float32 logit, if a question has so many characters, and an answer so many steps."""
        # A sum of n numbers, none larger than 1, is at most n, and each of its n additions is rounded. One of whole
        # numbers is not.
        of_sums = [
            count * error.max(axis=0) + np.any(error > 0, axis=0) * count**2 * UNIT
            for count, error in ((characters, self.read_error), (steps, self.written_error))
        ]
        error = sum(of_sums) + np.any([sums > 0 for sums in of_sums], axis=0) * (characters + steps) * UNIT + TANH
        most: np.ndarray = np.ones(len(error))
        signal = np.abs(self.signal).max(axis=0)
        for number, layer in enumerate(self.layers):
            most, error = most @ np.abs(layer.kernel) + np.abs(layer.bias), layer.error(most, error)
            if number == 0:
                most, error = most + signal, error + UNIT * (most + error + signal)
        return float(error.max())


def _added(weights: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What each character adds to each counter, float64 [characters, units], and the maximum error of float32 ones."""
    kernel, bias = (weights[f"{name}/{part}"].astype(np.float64) for part in ("kernel", "bias"))
    gates, candidates = np.split(COUNTER_STEEPNESS * (kernel + bias), 2, axis=1)
    added = np.clip(gates + 0.5, 0, 1) * np.clip(candidates, -1, 1)
    # Up to 2, sums and products have errors of a few units; what is larger is clipped, and so without an error.
    error = 12 * UNIT
    is_closed, is_open = gates < -0.5 - error, gates > 0.5 + error
    is_exact = is_closed | (is_open & (np.abs(candidates) > 1 + error))
    return added, np.where(is_exact, 0.0, error)
