"""Counters in NumPy: the bound on their float32 logits, and which of their answers are certain."""

import handmade
import numpy as np
import pytest

from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS
from seq2seq_arith.trainer.proving.counting import CounterSums
from seq2seq_arith.trainer.proving.tables import TANH

STEPS = 41
# How often each character is in some questions of pq, and these questions as ids.
COUNTS = np.array([[38, 2, 1, 0], [20, 20, 1, 0], [0, 40, 1, 0]])
QUESTIONS = np.array([np.repeat(np.arange(4), counts) for counts in COUNTS])
Arrays = dict[str, np.ndarray]


def with_layers(arrays: Arrays, count: int) -> Arrays:
    """The same counter with so many layers of its readout, of which the further ones change nothing."""
    for number in range(1, count):
        arrays[f"readout_{number}/kernel"] = np.eye(32, dtype=np.float32)
        arrays[f"readout_{number}/bias"] = np.zeros(32, np.float32)
    return arrays


def drawn(seed: int, layers: int) -> Arrays:
    """Random weights: some gates are saturated, and others are not."""
    generator, arrays = np.random.default_rng(seed), with_layers(handmade.counter(), layers)
    return {
        name: generator.normal(scale=1 / COUNTER_STEEPNESS if "coder" in name else 0.5, size=array.shape).astype(
            np.float32
        )
        for name, array in arrays.items()
    }


def float32_logits(arrays: Arrays, order: np.random.Generator) -> np.ndarray:
    """The logits in float32, whose sums over the steps and over the units have a random order."""

    def added(name: str) -> np.ndarray:
        numbers = np.float32(COUNTER_STEEPNESS) * (arrays[f"{name}/kernel"] + arrays[f"{name}/bias"])
        gates, values = np.split(numbers, 2, axis=1)
        return np.clip(gates + np.float32(0.5), 0, 1) * np.clip(values, -1, 1)

    def product(inputs: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        total = np.zeros((*inputs.shape[:-1], kernel.shape[1]), np.float32)
        for row in order.permutation(len(kernel)):
            total += inputs[..., [row]] * kernel[row]
        return total

    written = added("decoder")[np.minimum(np.arange(STEPS), 1)]
    counted = np.stack([order.permutation(written[: step + 1]).sum(axis=0) for step in range(STEPS)])
    values = product(COUNTS.astype(np.float32), added("encoder"))[:, np.newaxis] + counted
    outputs = product(np.tanh(values), arrays["readout_0/kernel"]) + arrays["readout_0/bias"]
    outputs += arrays["readout_signal/kernel"][np.minimum(np.arange(STEPS), 1)]
    names = [f"readout_{number}" for number in range(1, sum("readout_" in name for name in arrays) // 2)]
    for name in (*names, "logits"):
        outputs = product(np.maximum(outputs, 0), arrays[f"{name}/kernel"]) + arrays[f"{name}/bias"]
    assert outputs.dtype == np.float32
    return outputs


@pytest.mark.parametrize(("seed", "layers"), [(1, 1), (2, 1), (3, 3), (4, 12)])
def test_no_float32_logit_is_further_from_the_exact_one_than_the_bound(seed, layers):
    arrays = drawn(seed, layers)
    tables, order = CounterSums(arrays, handmade.PQ), np.random.default_rng(seed)
    logits, is_certain = tables.evaluate(QUESTIONS, STEPS)
    bound = tables.bound(COUNTS, STEPS)
    for _ in range(5):
        single = float32_logits(arrays, order)
        assert 0 < np.abs(single - logits).max() <= bound
        assert (single.argmax(axis=2) == logits.argmax(axis=2))[is_certain].all()


def test_the_layers_of_the_readout_have_the_order_of_their_numbers():
    """Of eleven layers, the last two move a unit to a second one, and this one to a third one, which the logits read.

    In the order of strings, readout_10 would be before readout_2, and nothing would reach the logits.
    """
    arrays, gain = with_layers(handmade.counter(), 11), 1000
    for number, (source, target) in {9: (0, 1), 10: (1, 2)}.items():
        arrays[f"readout_{number}/kernel"] *= 0
        arrays[f"readout_{number}/kernel"][source, target] = 1
    arrays["logits/kernel"][2] = gain
    tables = CounterSums(arrays, handmade.PQ)
    assert tables.bound(COUNTS, STEPS) > gain * TANH
    logits, _ = tables.evaluate(QUESTIONS, STEPS)
    assert logits.max() > gain
