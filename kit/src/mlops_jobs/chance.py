"""Fisher's exact test: whether two samples may be of one population.

Only the standard library is imported here: a Lambda function carries this module, and not what the image holds.
"""

from __future__ import annotations

import math


def chance(count: int, rows: int, other_count: int, other_rows: int) -> float:
    """The probability of at least `count` in the first of two samples of one population (the upper tail).

    Args:
        count: what was counted in the first sample.
        rows: the size of the first sample.
        other_count: what was counted in the other.
        other_rows: the size of the other.

    >>> round(chance(3, 3, 0, 3), 3)  # all three of six rows: one of the 20 ways to choose them
    0.05
    """
    total, probability = count + other_count, 0.0
    ways = _log_choose(rows + other_rows, total)
    for found in range(count, min(total, rows) + 1):
        term = math.exp(_log_choose(rows, found) + _log_choose(other_rows, total - found) - ways)
        probability += term
        if term <= probability * 1e-12:  # both are 0.0 where the first term is too small for a float
            break
    return min(probability, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) if 0 <= k <= n else -math.inf
