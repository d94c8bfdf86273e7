"""How far float32 can be from the exact result, and float32 with small numbers read as zero.

A sum of n products has a relative error of at most (n + 1) u / (1 - (n + 1) u) of the sum of the sizes of its terms, in
every order and with fused multiply-adds (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, sections 2.2
and 3.1), where u = 2^-24. Each number that is read as zero adds at most 2^-126. If the sizes of the terms add up to
less than 2^127, no partial sum is infinite. Results are computed in float64, whose error is far smaller; one more u is
for it.
"""

from dataclasses import dataclass

import numpy as np
from reading import require

UNIT = 2.0**-24
SMALLEST = 2.0**-126
LARGEST = 2.0**127
TANH = 2.0**-20


def require_finite(sizes: np.ndarray) -> None:
    """Refuses sums that can be too large, given the maximum sums of the sizes of their terms."""
    require((sizes < LARGEST).all(), "a sum can be too large for float32")


def flushed(values: np.ndarray) -> np.ndarray:
    """Values as float32 in which numbers below 2^-126 are zero."""
    values = values.astype(np.float32)
    return np.where(np.abs(values) < np.float32(SMALLEST), np.float32(0), values)


@dataclass(frozen=True)
class Dense:
    """A dense layer; the kernel is [inputs, units], and the bias is [units]."""

    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def read(cls, weights: dict[str, np.ndarray], name: str) -> "Dense":
        kernel = weights[f"{name}/kernel"].astype(np.float64)
        return cls(kernel, weights.get(f"{name}/bias", np.zeros(kernel.shape[1])).astype(np.float64))

    def sizes(self, most: np.ndarray) -> np.ndarray:
        """The maximum size of each result, given the maximum sizes of the inputs."""
        return most @ np.abs(self.kernel) + np.abs(self.bias)

    def error(self, most: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The maximum error of each float32 result, given the maximum sizes and the maximum errors of the inputs."""
        size, largest = np.abs(self.kernel), self.sizes(most + error)
        require_finite(largest)
        terms = (len(self.kernel) + 2) * UNIT
        underflow = 2 * SMALLEST * ((most + error).sum() + size.sum(axis=0) + 2 * len(self.kernel) + 2)
        return terms / (1 - terms) * largest + underflow + error @ size

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return inputs @ self.kernel + self.bias

    def float32(self) -> "Dense":
        """The layer with float32 weights, the small ones zero."""
        return Dense(flushed(self.kernel), flushed(self.bias))


def check_margins(logits: np.ndarray, single: np.ndarray, right: np.ndarray, bound: float) -> float:
    """The least margin of the right logits; refuses unless all are right for float32, whatever its rounding.

    ``logits`` are float64 and ``single`` are float32, [cases, characters] both; ``right`` are ids [cases].
    """
    rows = np.arange(len(right))
    of_right, others = logits[rows, right], logits.copy()
    others[rows, right] = -np.inf
    margins = of_right - others.max(axis=1)
    require((margins > 2 * bound).all(), "a case is wrong, or so nearly right that rounding may decide")
    require((np.abs(single - logits) <= bound).all(), "a float32 logit has a larger error than its bound")
    require((single.argmax(axis=1) == right).all(), "a case is wrong in float32 with small numbers read as zero")
    return float(margins.min())
