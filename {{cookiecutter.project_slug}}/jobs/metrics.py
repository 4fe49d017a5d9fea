"""What a model's scores are worth: every metric of a problem type, as scikit-learn measures it, and the team's own.

A metric of the team's own is a function here, and its name is in own_metrics of the contract: see docs/metrics.md.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.metric_names import measured_for
from mlops_jobs.own_metrics import OwnMetric, own_metrics_in
from mlops_jobs.scores import Scores
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning


def all_metrics(contract: Contract, actual: np.ndarray, scores: Scores) -> dict[str, float]:
    """Every metric of the contract that these rows define: those that fit its problem type, and the team's own.

    Args:
        contract: the problem type, and the names of the team's own metrics.
        actual: the target, or the index of the class; shape (n,).
        scores: what the model predicts for the same rows.

    Raises:
        UserError: a function of the team's own is missing or fails.
    """
    if scores.probabilities is None:
        found = _regression(actual, scores.predicted)
    else:
        found = _classification(contract.problem_type, actual, scores.predicted, scores.probabilities)
    found |= {name: own.measure(actual, scores) for name, own in own_metrics(contract).items()}
    names = (*measured_for(contract.problem_type), *(metric.name for metric in contract.own_metrics))
    return {name: float(found[name]) for name in names if math.isfinite(found.get(name, math.nan))}


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


def _classification(
    problem_type: str, actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray
) -> dict[str, float]:
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # in float32 they add up to 1 only nearly
    found = {
        "accuracy": sk.accuracy_score(actual, predicted),
        "log_loss": sk.log_loss(actual, probabilities, labels=list(range(probabilities.shape[1]))),
    }
    if problem_type == "multiclass":
        return found | {"f1_macro": sk.f1_score(actual, predicted, average="macro", zero_division=0.0)}
    found["f1"] = sk.f1_score(actual, predicted, pos_label=1, zero_division=0.0)
    if actual.any():
        found["recall"] = sk.recall_score(actual, predicted, pos_label=1)
    if predicted.any():
        found["precision"] = sk.precision_score(actual, predicted, pos_label=1)
    if len(np.unique(actual)) == 2:  # with one class only, the area under the curve is not defined
        found["roc_auc"] = sk.roc_auc_score(actual, probabilities[:, 1])
    return found


def _regression(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    # in float32 the square of a large error would be infinite
    actual, predicted = actual.astype(np.float64), predicted.astype(np.float64)
    mse = float(sk.mean_squared_error(actual, predicted))
    found = {
        "rmse": math.sqrt(mse),
        "mae": float(sk.mean_absolute_error(actual, predicted)),
        "mse": mse,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        r2 = float(sk.r2_score(actual, predicted))
    return found | ({"r2": r2} if math.isfinite(r2) else {})
