"""Confidence bounds for error rates and shares: the exact method of Clopper and Pearson (1934, Biometrika 26).

SciPy is imported only when a bound is computed, because importing it takes a third of a second.

>>> upper_bound(0, 1000) < 0.003 < upper_bound(1, 1000)
True
>>> f"{lower_share(5, 5):.2f}, {lower_share(30, 30):.3f}"
'0.55, 0.905'
"""

import math

CONFIDENCE = 0.95


def upper_bound(wrong: int, questions: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided upper confidence bound on the error rate; 1 if all answers are wrong, or without questions."""
    if wrong == questions:
        return 1.0
    from scipy import special

    return float(special.betaincinv(wrong + 1, questions - wrong, confidence))


def interval(right: int, questions: int) -> tuple[float, float]:
    """The two-sided 95% confidence interval of the share of right answers; 0 and 1 for no questions."""
    per_side = (1 + CONFIDENCE) / 2
    return 1 - upper_bound(questions - right, questions, per_side), upper_bound(right, questions, per_side)


def lower_share(reached: int, seeds: int) -> float:
    """The one-sided lower 95% bound on the share of all seeds with a property that ``reached`` of ``seeds`` have."""
    return 1 - upper_bound(seeds - reached, seeds)


def wrong_of(share: float, questions: int) -> int:
    """The number of wrong answers, from the share of right ones.

    >>> wrong_of(0.999, 1000), wrong_of(1.0, 7)
    (1, 0)
    """
    return questions - round(questions * share)


def in_words(wrong: int, questions: int) -> str:
    """The number of wrong answers and the upper bound on their rate, rounded up: the cell of a table.

    >>> in_words(0, 1000), in_words(3, 357_000), in_words(20, 20), in_words(0, 0)
    ('0 of 1,000 (< 0.30%)', '3 of 357,000 (< 0.0022%)', '20 of 20', '0 of 0')
    """
    counts, bound = f"{wrong:,} of {questions:,}", 100 * upper_bound(wrong, questions)
    if bound == 100:
        return counts
    decimals = max(0, 1 - math.floor(math.log10(bound)))
    return f"{counts} (< {math.ceil(bound * 10**decimals) / 10**decimals:.{decimals}f}%)"
