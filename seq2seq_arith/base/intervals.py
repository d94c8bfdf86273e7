"""What some right and wrong answers prove about a rate: exact bounds, after Clopper and Pearson (1934, Biometrika 26).

SciPy is imported when a bound is asked for, as it takes a third of a second.

>>> upper_bound(0, 1000) < 0.003 < upper_bound(1, 1000)
True
>>> f"{lower_share(5, 5):.2f}, {lower_share(30, 30):.3f}"
'0.55, 0.905'
"""

import math

CONFIDENCE = 0.95


def upper_bound(wrong: int, asked: int, confidence: float = CONFIDENCE) -> float:
    """The greatest rate at which so few wrong of so many have a chance of 5%, one-sided, or less; 1 of none asked."""
    if wrong == asked:
        return 1.0
    from scipy import special

    return float(special.betaincinv(wrong + 1, asked - wrong, confidence))


def interval(right: int, asked: int) -> tuple[float, float]:
    """The least and the greatest rate that so many right of so many do not exclude (two-sided 95%); 0, 1 of none."""
    each_side = (1 + CONFIDENCE) / 2
    return 1 - upper_bound(asked - right, asked, each_side), upper_bound(right, asked, each_side)


def lower_share(reached: int, seeds: int) -> float:
    """The least share of all seeds that reach what so many of some random ones did (one-sided 95%); 0 of none."""
    return 1 - upper_bound(seeds - reached, seeds)


def wrong_of(share: float, asked: int) -> int:
    """How many of so many answers are wrong, from the share of right ones.

    >>> wrong_of(0.999, 1000), wrong_of(1.0, 7)
    (1, 0)
    """
    return asked - round(asked * share)


def in_words(wrong: int, asked: int) -> str:
    """How many of so many are wrong, and the bound on their rate, rounded up: the cell of a table.

    >>> in_words(0, 1000), in_words(3, 357_000), in_words(20, 20), in_words(0, 0)
    ('0 of 1,000 (< 0.30%)', '3 of 357,000 (< 0.0022%)', '20 of 20', '0 of 0')
    """
    counts, bound = f"{wrong:,} of {asked:,}", 100 * upper_bound(wrong, asked)
    if bound == 100:
        return counts
    decimals = max(0, 1 - math.floor(math.log10(bound)))
    return f"{counts} (< {math.ceil(bound * 10**decimals) / 10**decimals:.{decimals}f}%)"
