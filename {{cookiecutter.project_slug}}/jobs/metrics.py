"""What a model's scores are worth: every metric of a problem type, as scikit-learn measures it, and the team's own.

A metric of the team's own is a function here, and its name is in own_metrics of the contract: see docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.metric_names import measured_for
from mlops_jobs.own_metrics import OwnMetric, own_metrics_in
from mlops_jobs.scores import Scores
from sklearn import metrics as sk


def all_metrics(contract: Contract, actual: np.ndarray, scores: Scores) -> dict[str, float]:
    """Every metric of the contract that these rows define: those that fit its problem type, and the team's own.

    Args:
        contract: the problem type, and the names of the team's own metrics.
        actual: the target, or the index of the class; shape (n,).
        scores: what the model predicts for the same rows.

    Raises:
        UserError: a function of the team's own is missing or fails.
    """
    names = (*measured_for(contract.problem_type), *(metric.name for metric in contract.own_metrics))
    found = {name: measured(contract, name, actual, scores) for name in names}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def measured(contract: Contract, metric: str, actual: np.ndarray, scores: Scores) -> float:
    """One metric of the contract; NaN where these rows do not define it.

    Raises:
        UserError: the function of the team's own is missing or fails.
    """
    if own := own_metrics(contract).get(metric):
        return own.measure(actual, scores)
    if scores.probabilities is None:
        return _regression(metric, actual, scores.predicted)
    return _classification(metric, actual, scores.predicted, scores.probabilities)


def own_metrics(contract: Contract) -> dict[str, OwnMetric]:
    """The team's own metrics, by the names that the contract gives them.

    Raises:
        UserError: this file has no function of such a name.
    """
    return own_metrics_in(globals(), contract)


def one_metric(metric: str, found: Mapping[str, float], where: str) -> float:
    """The value of `metric` among those found.

    Raises:
        DataError: the rows do not define it (roc_auc of rows that are all of one class).
    """
    if metric not in found:
        raise DataError(f"{where}: {metric} is not defined for {why_undefined(metric)}; add rows or change the metric")
    return found[metric]


def why_undefined(metric: str) -> str:
    """The rows that do not define a metric, in words."""
    return {"r2": "a single row", "roc_auc": "rows of one class only"}.get(metric, "these rows")


def _classification(metric: str, actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray) -> float:
    if metric == "accuracy":
        return float(sk.accuracy_score(actual, predicted))
    if metric == "f1_macro":
        return float(sk.f1_score(actual, predicted, average="macro", zero_division=0.0))
    if metric == "f1":
        return float(sk.f1_score(actual, predicted, pos_label=1, zero_division=0.0))
    if metric == "recall":
        return float(sk.recall_score(actual, predicted, pos_label=1)) if actual.any() else math.nan
    if metric == "precision":
        return float(sk.precision_score(actual, predicted, pos_label=1)) if predicted.any() else math.nan
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # in float32 they add up to 1 only nearly
    if metric == "log_loss":
        return float(sk.log_loss(actual, probabilities, labels=list(range(probabilities.shape[1]))))
    if len(np.unique(actual)) < 2:  # with one class only, the area under the curve is not defined
        return math.nan
    return float(sk.roc_auc_score(actual, probabilities[:, 1]))


def _regression(metric: str, actual: np.ndarray, predicted: np.ndarray) -> float:
    # in float32 the square of a large error would be infinite
    actual, predicted = actual.astype(np.float64), predicted.astype(np.float64)
    if metric == "mae":
        return float(sk.mean_absolute_error(actual, predicted))
    if metric == "r2":
        return float(sk.r2_score(actual, predicted)) if len(actual) > 1 else math.nan
    mse = float(sk.mean_squared_error(actual, predicted))
    return math.sqrt(mse) if metric == "rmse" else mse
