"""Weights that are made by hand, of networks that answer every question right; as arrays of a checkpoint."""

import numpy as np

ADDITION, PQ = " +0123456789", " -pq"
ADDER_SIZES = {"vector": 2, "carry": 1, "digit": 20}
STEEPNESS = 16.0  # tanh(STEEPNESS / 2) is nearly 1


def small_adder() -> dict[str, np.ndarray]:
    """A small adder (``examples/small_adder.py``) with the sizes ``ADDER_SIZES``.

    The vector of a character is its value, and whether it is a blank. The previous column has a carry if its sum is by
    more than 5 above the digit that was written. The units of ``digit`` are steps at 1, 2, ..., 19 of the sum with the
    carry, and one that is open if nothing is left to write.
    """
    vector = np.zeros((len(ADDITION) + 1, 2))
    vector[[ADDITION.index(str(digit)) for digit in range(10)], 0] = np.arange(10)
    vector[ADDITION.index(" "), 1] = 1
    digit = np.zeros((3, 20))  # the sum, the blanks, and the carry, -1 or +1
    digit[0, :19], digit[2, :19], digit[1:, 19] = 1, 0.5, (1, -1)
    bias = np.concatenate([0.5 - np.arange(1, 20) + 0.5, [-2.5]])
    logits, logits_bias = np.zeros((20, len(ADDITION))), np.zeros(len(ADDITION))
    for value in range(10):
        number = ADDITION.index(str(value))
        # The sum is ``value`` or 10 more: between two steps each. What is below the first step counts as open.
        for lower, upper in ((value, value + 1), (value + 10, value + 11)):
            for step, sign in ((lower, 1), (upper, -1)):
                if 1 <= step <= 19:
                    logits[step - 1, number] += 5 * sign
                elif step < 1:
                    logits_bias[number] += 5 * sign
                else:
                    logits_bias[number] -= 5 * sign
    logits[19, ADDITION.index(" ")] = 30
    logits_bias[ADDITION.index("+")] = -100
    weights = {
        "vector/kernel": vector,
        "carry/kernel": STEEPNESS * np.array([[1.0], [0.0], [-1.0], [0.0]]),
        "carry/bias": np.array([-5 * STEEPNESS]),
        "digit/kernel": STEEPNESS * digit,
        "digit/bias": STEEPNESS * bias,
        "logits/kernel": logits,
        "logits/bias": logits_bias,
    }
    return {name: array.astype(np.float32) for name, array in weights.items()}


def counter() -> dict[str, np.ndarray]:
    """A counter of two units, of which one holds how many dashes are still to be written."""
    dash, blank, q = (PQ.index(character) for character in "- q")
    shapes = {"encoder": (4, 4), "decoder": (2, 4), "readout_0": (2, 32), "logits": (32, 4)}
    arrays = {f"{name}/kernel": np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays |= {f"{name}/bias": np.zeros(shape[1], np.float32) for name, shape in shapes.items()}
    arrays["readout_signal/kernel"] = np.zeros((2, 32), np.float32)
    arrays["encoder/bias"] -= 1
    arrays["encoder/kernel"][dash, [0, 2]] = 2
    arrays["decoder/kernel"][1, [0, 2]] = 1, -1
    arrays["readout_0/kernel"][0, 0], arrays["readout_0/bias"][0] = 1, 0.5
    arrays["readout_signal/kernel"][0, 1] = 1
    arrays["logits/kernel"][0, dash], arrays["logits/bias"][blank] = 8, 2
    arrays["logits/kernel"][1, q] = 99
    return arrays


def gru() -> dict[str, np.ndarray]:
    """A ``gru_tagger`` of one unit, which is near +1 after a carry, near -1 after none, and 0 at first.

    z is nearly 0 always, so the state becomes the tanh of what the column says: by 10 up or down, or, at a sum of 9,
    what the state was. There are two dense units for each of ten sums and for two blanks: one without a carry, and one
    with it.
    """
    depth, blanks = len(ADDITION), 10
    gates, pairs = np.zeros((depth**2, 3)), np.zeros((depth**2, 24))
    digits = [("0123456789".find(character), ADDITION.index(character)) for character in "0123456789 "]
    for left, left_id in digits:
        for right, right_id in digits:
            row, total = left_id * depth + right_id, max(left, 0) + max(right, 0)
            gates[row, 2] = -2 if total == 9 else 10 * np.sign(total - 9)
            pairs[row, blanks if left == right == -1 else total % 10] = 1
    dense, dense_bias = np.zeros((25, 48)), np.zeros(48)
    logits, logits_bias = np.zeros((48, depth)), np.zeros(depth)
    for kind in range(11):
        without, carried = 2 * kind, 2 * kind + 1
        dense[[kind, 24], without], dense_bias[without] = (4, -4), -2
        dense[[kind, 24], carried], dense_bias[carried] = (4, 4), -5
        logits[without, ADDITION.index("0123456789 "[kind])] = 4
        logits[carried, ADDITION.index("12345678901"[kind])] = 4
    logits_bias[ADDITION.index("+")] = -20
    weights = {
        "gates/table": gates,
        "pairs/table": pairs,
        "recurrence/cell/kernel": np.array([[0.0, 0.0, 4.0]]),
        "recurrence/cell/bias": np.array([20.0, -20.0, 0.0]),
        "dense_0/kernel": dense,
        "dense_0/bias": dense_bias,
        "logits/kernel": logits,
        "logits/bias": logits_bias,
    }
    return {name: array.astype(np.float32) for name, array in weights.items()}
