"""The decision threshold of a binary model: from which probability on a row is positive.

It is chosen on the validation split for the aim that the contract names, and travels in the artifact. Without an aim
the more probable class is predicted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlops_jobs.errors import UserError
from mlops_jobs.judging_rules import Aim
from mlops_jobs.own_metrics import OwnMetric
from mlops_jobs.scores import Scores

FILE = "decision.json"
HALF = 0.5  # the threshold where the contract has no aim
MAX_CUTS_OF_OWN = 300  # an own metric is called for as many thresholds at most


@dataclass(frozen=True)
class Decision:
    """From which probability on a row is positive, and why.

    Attributes:
        threshold: a row whose positive class has this probability or more is positive.
        aim: the metric that is as good as possible with it.
        at_least: the metrics that had to reach a value, and which.
        reaches: the values of all these metrics on the validation split.
        rows: of the validation split.
    """

    threshold: float
    aim: str
    at_least: Mapping[str, float]
    reaches: Mapping[str, float]
    rows: int

    @property
    def sentence(self) -> str:
        """The decision in words."""
        demands = "".join(f", {name} at least {limit:g}" for name, limit in self.at_least.items())
        reached = ", ".join(f"{name} {value:.4g}" for name, value in self.reaches.items())
        return (
            f"decision threshold {self.threshold:.4g} (aim: {self.aim}{demands}): "
            f"{reached} on the {self.rows} rows of the validation split"
        )

    def to_json(self) -> str:
        """The text of decision.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> Decision:
        """Read decision.json.

        Raises:
            UserError: it does not hold a decision.
        """
        try:
            found = Decision(**json.loads(text))
            if not 0 <= found.threshold <= 1:
                raise ValueError(f"the threshold {found.threshold} is no probability")
        except (ValueError, TypeError) as error:
            raise UserError(
                f"{FILE} does not hold a decision threshold ({error}); train again with train.py"
            ) from error
        return found


def choose_decision(aim: Aim, actual: np.ndarray, scores: Scores, own: Mapping[str, OwnMetric], where: str) -> Decision:
    """The threshold that is best for an aim on labelled rows.

    For accuracy, f1, recall and precision it is exact: every cut between two different probabilities is compared, at
    the cost of sorting them. An own metric is called for the cuts at up to MAX_CUTS_OF_OWN quantiles. Of cuts that are
    equally good, the one nearest to 0.5 is taken.

    Args:
        aim: what the threshold is for.
        actual: 1 for the positive class, otherwise 0; shape (n,), n > 0.
        scores: the predictions for the same rows.
        own: the team's own metrics, by name.
        where: the rows, for messages.

    Raises:
        UserError: no threshold reaches what the aim demands.
    """
    cuts = _Cuts(actual, scores)
    names = [aim.aim, *(name for name, _ in aim.at_least)]
    if any(name in own for name in names):
        cuts.thin_out(MAX_CUTS_OF_OWN)
    values = {name: cuts.own(own[name]) if name in own else cuts.known(name) for name in names}
    allowed = np.isfinite(values[aim.aim])
    for name, limit in aim.at_least:
        allowed &= values[name] >= limit
    if not allowed.any():
        raise UserError(f"{where}: {_why_none(aim, values, cuts.thresholds)}")
    better = -values[aim.aim] if aim.aim in own and own[aim.aim].metric.lower_is_better else values[aim.aim]
    best = np.flatnonzero(allowed & (better == better[allowed].max()))
    chosen = best[np.abs(cuts.thresholds[best] - HALF).argmin()]
    reaches = {name: float(values[name][chosen]) for name in names}
    return Decision(float(cuts.thresholds[chosen]), aim.aim, dict(aim.at_least), reaches, len(actual))


class _Cuts:
    """The thresholds that tell rows apart, from the highest to the lowest, and what each of them counts.

    Attributes:
        thresholds: between every two neighbours among the different probabilities, above the largest of them unless
            that is 1, and below the smallest; shape (k,).
    """

    def __init__(self, actual: np.ndarray, scores: Scores) -> None:
        self._actual, self._scores = actual, scores
        positive = scores.positive.astype(np.float64)
        distinct, inverse = np.unique(-positive, return_inverse=True)  # the highest first
        of_each = np.bincount(inverse, minlength=len(distinct))
        positives_of_each = np.bincount(inverse, weights=actual, minlength=len(distinct))
        bounds = np.concatenate([[1.0], -distinct, [0.0]])
        middle = (bounds[:-1] + bounds[1:]) / 2
        # no double lies between two adjacent ones, and their mean may round to the lower one
        self.thresholds = np.where(middle > bounds[1:], middle, bounds[:-1])
        self._called = np.concatenate([[0], np.cumsum(of_each)]).astype(np.float64)
        self._hits = np.concatenate([[0], np.cumsum(positives_of_each)]).astype(np.float64)
        if distinct[0] == -1.0:  # no threshold is above a probability of 1
            self._keep(np.arange(1, len(self.thresholds)))

    def thin_out(self, most: int) -> None:
        """Keep the cuts at some quantiles of the rows, the first and the last among them."""
        wanted = np.linspace(self._called[0], self._called[-1], most)
        self._keep(np.unique(np.searchsorted(self._called, wanted).clip(max=len(self._called) - 1)))

    def known(self, name: str) -> np.ndarray:
        """A metric of each cut, from its counts; 0 where it would divide by 0. Shape (k,)."""
        rows, positives = len(self._actual), float(self._actual.sum())
        if name == "accuracy":
            return (rows - positives - self._called + 2 * self._hits) / rows
        if name == "recall":
            return _ratio(self._hits, np.full_like(self._hits, positives))
        if name == "precision":
            return _ratio(self._hits, self._called)
        return _ratio(2 * self._hits, self._called + positives)  # f1

    def own(self, metric: OwnMetric) -> np.ndarray:
        """A metric of the team's own for each cut; shape (k,), NaN where it is not defined."""
        return np.array(
            [metric.measure(self._actual, self._scores.decided(threshold)) for threshold in self.thresholds]
        )

    def _keep(self, indices: np.ndarray) -> None:
        self.thresholds, self._called, self._hits = (
            values[indices] for values in (self.thresholds, self._called, self._hits)
        )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _why_none(aim: Aim, values: Mapping[str, np.ndarray], thresholds: np.ndarray) -> str:
    """Which demand no threshold reaches, and the best that can be reached."""
    for name in values:
        if not np.isfinite(values[name]).any():
            return f"{name} is not defined at any decision threshold; correct the function, or name another metric"
    for name, limit in aim.at_least:
        found = np.where(np.isfinite(values[name]), values[name], -math.inf)
        if found.max() < limit:
            best = f"the best is {found.max():.4g}, from the probability {thresholds[found.argmax()]:.4g} on"
            return f"no decision threshold reaches {name} {limit:g}: {best}; lower decision.at_least in the contract"
    demands = " and ".join(f"{name} {limit:g}" for name, limit in aim.at_least)
    return f"no decision threshold reaches {demands} together; lower one of them in decision.at_least of the contract"


def decision_of(decision: Decision | None) -> dict[str, Any]:
    """What evaluation.json has of a binary model's decision."""
    return {"threshold": HALF} if decision is None else asdict(decision)
