"""The row of a given rank among many, found from two small summaries instead of one large sort.

A row is a few uint64 numbers, compared from the first on. A histogram of the first numbers names the bucket that the
rank falls into, and that bucket alone is sorted. With about √n buckets, histogram and bucket both grow as √n.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

Row = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows that are made only where they are asked for.

    Attributes:
      first: The first number of every row, uint64 of shape (n,).
      whole: From k indices to those rows, uint64 of shape (k, numbers).
    """

    first: np.ndarray
    whole: Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Buckets:
    """Equal ranges of the numbers below 2^bits.

    Attributes:
      bits: The numbers have at most so many bits.
      log2: There are 2^log2 buckets.
    """

    bits: int
    log2: int

    @classmethod
    def for_rows(cls, num_rows: int, bits: int) -> "Buckets":
        """About as many buckets as rows will fall into each."""
        return cls(bits=bits, log2=min(bits, max(8, num_rows.bit_length() // 2)))

    def of(self, values: np.ndarray) -> np.ndarray:
        """The bucket of each value, int64."""
        return (values >> np.uint64(self.bits - self.log2)).view(np.int64)

    def histogram(self, values: np.ndarray) -> np.ndarray:
        """How many of the values each bucket has, int64 of shape (2^log2,)."""
        return np.bincount(self.of(values), minlength=1 << self.log2)


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a rank is to be found.

    Attributes:
      bucket: Which one; -1 if there are not so many rows.
      rank: Its place among the rows of that bucket, from 0.
      total: How many rows there are in all.
    """

    bucket: int
    rank: int
    total: int


@dataclasses.dataclass(frozen=True)
class Found:
    """The row of the rank, None if there are not so many rows; and how many rows there are in all."""

    row: Row | None
    total: int


def target(histogram: np.ndarray, rank: int) -> Target:
    """The bucket of the ``rank``-th smallest row (from 0)."""
    ends = histogram.cumsum()
    total = int(ends[-1])
    if rank >= total:
        return Target(-1, 0, total)
    bucket = int(np.searchsorted(ends, rank, side="right"))
    return Target(bucket, rank - int(ends[bucket] - histogram[bucket]), total)


def found(rows: np.ndarray, target: Target) -> Found:
    """The target's row among those of its bucket, uint64 of shape (n, numbers)."""
    if target.bucket < 0:
        return Found(None, target.total)
    order = np.lexsort(rows.T[::-1])
    return Found(tuple(int(value) for value in rows[order[target.rank]]), target.total)
