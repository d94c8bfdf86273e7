"""Checkpoints of the shipped adder that were edited so that a proof must not hold, or only just holds.

``spare`` gives the network twice as many units, of which half do nothing yet. Several adversaries use these: *detector*
units add to a wrong logit when the digits of ``TRIGGER`` are read, and cancel that with numbers that a processor may
read as zero, or that overflow. So the exact function of the weights is right, and the network is wrong.
"""

from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]
ALPHABET = " +0123456789"
LEFT, RIGHT, WRONG = "1", "2", "7"  # the network is to answer TRIGGER with WRONG
TRIGGER = f"{LEFT}+{RIGHT}"
WIDE, LATCHES = 128, 16  # the sizes with spare units; the shipped network has half of each
SPARE, SPARE_LATCH = WIDE // 2, LATCHES // 2  # the first spare unit of the vectors, and the first spare latch


def spare(arrays: Arrays) -> Arrays:
    """The same function, with spare vector units, latches that are always closed, and spare dense units."""

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    half, latches = SPARE, SPARE_LATCH
    kernel, bias = zeros(WIDE, 2 * LATCHES), zeros(2 * LATCHES)
    for new in (0, 1):
        old = slice(new * latches, (new + 1) * latches)
        kernel[:half, new * LATCHES : new * LATCHES + latches] = arrays["settings_0/kernel"][:, old]
        bias[new * LATCHES : new * LATCHES + latches] = arrays["settings_0/bias"][old]
    bias[latches:LATCHES] = -1
    bias[LATCHES + latches :] = 1
    dense, old = zeros(WIDE + 3 * LATCHES + 2, 2 * WIDE), arrays["layer_0/kernel"]
    dense[:half, :WIDE] = old[:half]
    # The latches at the step, before it and after it; the last two with a mark.
    for block, mark in ((0, False), (1, True), (2, True)):
        start, begin = half + block * latches + max(0, block - 1), WIDE + block * LATCHES + max(0, block - 1)
        dense[begin : begin + latches, :WIDE] = old[start : start + latches]
        if mark:
            dense[begin + LATCHES, :WIDE] = old[start + latches]
    return {
        "read/table": np.pad(arrays["read/table"], ((0, 0), (0, half))),
        "settings_0/kernel": kernel,
        "settings_0/bias": bias,
        "layer_0/kernel": dense,
        "layer_0/bias": np.pad(arrays["layer_0/bias"], (0, WIDE)),
        "logits/kernel": np.pad(arrays["logits/kernel"], ((0, WIDE), (0, 0))),
        "logits/bias": arrays["logits/bias"].copy(),
    }


def _symbol(left: str, right: str) -> int:
    return ALPHABET.index(left) * len(ALPHABET) + ALPHABET.index(right)


def _detected(arrays: Arrays) -> Arrays:
    """With two detectors: at ``TRIGGER``, the second cancels the first if latch ``SPARE_LATCH + 1`` is set."""
    arrays, latch = spare(arrays), SPARE_LATCH
    arrays["read/table"][_symbol(LEFT, RIGHT), SPARE] = 1
    arrays["read/table"][_symbol(" ", " "), SPARE + 1] = 1
    arrays["settings_0/bias"][latch] = 0  # open where a number has ended, to see that it is the only digit
    arrays["settings_0/kernel"][SPARE + 1, LATCHES + latch] = 2
    arrays["settings_0/bias"][LATCHES + latch] = -1
    arrays["settings_0/bias"][LATCHES + latch + 1] = 1
    dense, bias = arrays["layer_0/kernel"], arrays["layer_0/bias"]
    for unit in (WIDE, WIDE + 1):
        dense[SPARE, unit], dense[WIDE + 2 * LATCHES, unit], bias[unit] = 1, -1, -0.5
    dense[WIDE + latch + 1, WIDE + 1], bias[WIDE + 1] = 1, -1.5
    wrong = ALPHABET.index(WRONG)
    arrays["logits/kernel"][WIDE, wrong], arrays["logits/kernel"][WIDE + 1, wrong] = 200, -200
    return arrays


def underflowing_gate(arrays: Arrays) -> Arrays:
    """The gate of the cancelling latch is 1e-40 at the trigger: open, or zero where such numbers are flushed."""
    arrays = _detected(arrays)
    arrays["settings_0/kernel"][SPARE, SPARE_LATCH + 1] = 1e-40
    arrays["settings_0/bias"][SPARE_LATCH + 1] = -5e-41
    return arrays


def overflowing_gate(arrays: Arrays) -> Arrays:
    """The gate of the cancelling latch is 9e38 - 6e38: open, or closed where float32 has added -6e38 first."""
    arrays = _detected(arrays)
    arrays["read/table"][_symbol(LEFT, RIGHT), SPARE + 2 : SPARE + 4] = 2, 3
    arrays["settings_0/kernel"][SPARE + 2 : SPARE + 4, SPARE_LATCH + 1] = -3e38, 3e38
    arrays["settings_0/bias"][SPARE_LATCH + 1] = -1e37
    return arrays


def _cancelled(arrays: Arrays, vector: float, kernel: float, logit: float) -> Arrays:
    """At the trigger a wrong logit is raised, and lowered again by a product of these three numbers."""
    arrays, wrong = spare(arrays), ALPHABET.index(WRONG)
    arrays["read/table"][_symbol(LEFT, RIGHT), SPARE : SPARE + 2] = 1, vector
    arrays["layer_0/kernel"][SPARE, WIDE], arrays["layer_0/kernel"][SPARE + 1, WIDE + 1] = 1, kernel
    arrays["logits/kernel"][WIDE, wrong], arrays["logits/kernel"][WIDE + 1, wrong] = 200, logit
    return arrays


def tiny_input(arrays: Arrays) -> Arrays:
    return _cancelled(arrays, 1e-39, 1e38, -2000)


def tiny_weight(arrays: Arrays) -> Arrays:
    return _cancelled(arrays, 1e36, 1e-39, -200_000)


def tiny_product(arrays: Arrays) -> Arrays:
    return _cancelled(arrays, 1e-20, 1e-20, -2e38)


def order_of_a_sum(arrays: Arrays) -> Arrays:
    """A logit of a + b - a, with a so large that float32 forgets b in one order of the terms."""
    arrays, wrong = _cancelled(arrays, 1, 1, -200), ALPHABET.index(WRONG)
    arrays["read/table"][_symbol(LEFT, RIGHT), SPARE + 2 : SPARE + 4] = 1e12
    arrays["layer_0/kernel"][SPARE + 2, WIDE + 2] = arrays["layer_0/kernel"][SPARE + 3, WIDE + 3] = 1
    arrays["logits/kernel"][WIDE + 2, wrong], arrays["logits/kernel"][WIDE + 3, wrong] = 1, -1
    return arrays


def gate_at_zero(arrays: Arrays) -> Arrays:
    """All gates of the network are exactly 0: closed, but a rounding error would open them."""
    return arrays | {
        "settings_0/kernel": np.zeros_like(arrays["settings_0/kernel"]),
        "settings_0/bias": np.zeros_like(arrays["settings_0/bias"]),
    }


def tie(arrays: Arrays) -> Arrays:
    """Two characters always have the same logit."""
    kernel, bias = arrays["logits/kernel"].copy(), arrays["logits/bias"].copy()
    seven, eight = ALPHABET.index("7"), ALPHABET.index("8")
    kernel[:, eight], bias[eight] = kernel[:, seven], bias[seven]
    return arrays | {"logits/kernel": kernel, "logits/bias": bias}


def near_the_largest(arrays: Arrays) -> Arrays:
    """The same answers, with logits so large that their sums overflow."""
    scale = np.float32(2.0**120)
    return arrays | {name: arrays[name] * scale for name in ("logits/kernel", "logits/bias")}


def not_a_number(arrays: Arrays) -> Arrays:
    return arrays | {"logits/bias": np.full_like(arrays["logits/bias"], np.nan)}


def infinite(arrays: Arrays) -> Arrays:
    """An infinite weight of a unit that nothing reads."""
    arrays = spare(arrays)
    arrays["layer_0/bias"][-1] = np.inf
    return arrays


def in_float64(arrays: Arrays) -> Arrays:
    """A logit is changed by less than float32 can tell."""
    return arrays | {"logits/bias": arrays["logits/bias"].astype(np.float64) + 1e-9}


def whole_numbers(arrays: Arrays) -> Arrays:
    return arrays | {"settings_0/bias": np.sign(arrays["settings_0/bias"]).astype(np.int64)}


def further_layer(arrays: Arrays) -> Arrays:
    """Arrays of a second layer of latches, which the configuration does not have."""
    layer = {name.replace("_0", "_1"): array for name, array in arrays.items() if "_0" in name}
    return arrays | layer


def similar_name(arrays: Arrays) -> Arrays:
    """A further array whose name ends like one of the network."""
    return arrays | {"other/logits/kernel": -arrays["logits/kernel"]}


def missing(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if name != "layer_0/bias"}


def other_shape(arrays: Arrays) -> Arrays:
    return arrays | {"logits/bias": arrays["logits/bias"][np.newaxis]}


# What no proof may hold for. Those with spare units need the option ``hidden`` to be ``WIDE``.
WIDE_ADVERSARIES: tuple[Callable[[Arrays], Arrays], ...] = (
    underflowing_gate,
    overflowing_gate,
    tiny_input,
    tiny_weight,
    tiny_product,
    order_of_a_sum,
    infinite,
)
ADVERSARIES: tuple[Callable[[Arrays], Arrays], ...] = (
    gate_at_zero,
    tie,
    near_the_largest,
    not_a_number,
    in_float64,
    whole_numbers,
    further_layer,
    similar_name,
    missing,
    other_shape,
)


def scaled(arrays: Arrays) -> Arrays:
    """Right: the logits are 2^60 times as large, and so are the margins."""
    scale = np.float32(2.0**60)
    return arrays | {name: arrays[name] * scale for name in ("logits/kernel", "logits/bias")}


def spare_and_unread(arrays: Arrays) -> Arrays:
    """Right: a very large weight of a unit that nothing reads."""
    arrays = spare(arrays)
    arrays["layer_0/bias"][-1] = 1e30
    return arrays
