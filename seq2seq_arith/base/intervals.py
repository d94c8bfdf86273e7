"""Confidence bounds for error rates and shares: the exact method of Clopper and Pearson (1934, Biometrika 26).

The one function that they need, the inverse of the incomplete beta function, stands here: SciPy, which has it, takes
130 MB.

>>> upper_bound(0, 1000) < 0.003 < upper_bound(1, 1000)
True
>>> f"{lower_share(5, 5):.2f}, {lower_share(30, 30):.3f}"
'0.55, 0.905'
"""

import itertools
import math

CONFIDENCE = 0.95


def _density(x: float, a: float, b: float) -> float:
    """The density of the beta distribution with shapes ``a`` and ``b`` at ``x``, which is between 0 and 1."""
    normalizer = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(normalizer + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The share of the beta distribution below ``x``: its continued fraction, by Lentz's method (DLMF 8.17.22).

    The number of terms that it needs grows with the square root of the larger shape.
    """
    if x > (a + 1) / (a + b + 2):  # there the fraction of the other side converges faster
        return 1 - _incomplete_beta(1 - x, b, a)
    numerator, denominator, fraction = 1.0, 0.0, 1.0
    for term in itertools.count(1):
        m = term // 2
        above = -(a + m) * (a + b + m) if term % 2 else m * (b - m)
        coefficient = above * x / ((a + term - 1) * (a + term))
        denominator = 1 / (1 + coefficient * denominator)
        numerator = 1 + coefficient / numerator
        fraction *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-15:
            break
    return _density(x, a, b) * x * (1 - x) / (a * fraction)


def _inverse_incomplete_beta(share: float, a: float, b: float) -> float:
    """The point below which ``share`` of the beta distribution lies: by Newton's method, kept between two bounds."""
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        error = _incomplete_beta(x, a, b) - share
        low, high = (x, high) if error < 0 else (low, x)
        density = _density(x, a, b)
        newton = x - error / density if density else 0.0
        nearer = newton if low < newton < high else (low + high) / 2
        if abs(nearer - x) <= 1e-15 * x:
            break
        x = nearer
    return x


def upper_bound(wrong: int, questions: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided upper confidence bound on the error rate; 1 if all answers are wrong, or without questions."""
    if wrong == questions:
        return 1.0
    return _inverse_incomplete_beta(confidence, wrong + 1, questions - wrong)


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
