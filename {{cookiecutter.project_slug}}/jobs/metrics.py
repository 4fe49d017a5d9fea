"""What a model's scores are worth: every metric of a problem type, as scikit-learn measures it."""

from __future__ import annotations

import math
import warnings

import numpy as np
from mlops_jobs.errors import DataError
from mlops_jobs.metric_names import METRICS_FOR
from mlops_jobs.scores import Scores
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning


def all_metrics(problem_type: str, actual: np.ndarray, scores: Scores) -> dict[str, float]:
    """Every metric that fits the problem type and that these rows define.

    Args:
        problem_type: regression, binary or multiclass.
        actual: the target, or the index of the class; shape (n,).
        scores: what the model said of the same rows.
    """
    if scores.probabilities is None:  # in float32 the square of a large error would be infinite
        return _regression(actual.astype(np.float64), scores.predicted.astype(np.float64))
    probabilities = scores.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # in float32 they add up to 1 only nearly
    found = {
        "accuracy": sk.accuracy_score(actual, scores.predicted),
        "log_loss": sk.log_loss(actual, probabilities, labels=list(range(probabilities.shape[1]))),
    }
    if problem_type == "multiclass":
        found["f1_macro"] = sk.f1_score(actual, scores.predicted, average="macro", zero_division=0.0)
    else:
        found["f1"] = sk.f1_score(actual, scores.predicted, pos_label=1, zero_division=0.0)
        if len(np.unique(actual)) == 2:  # with one class only, the area under the curve is not defined
            found["roc_auc"] = sk.roc_auc_score(actual, probabilities[:, 1])
    return {name: float(found[name]) for name in METRICS_FOR[problem_type] if name in found}


def one_metric(metric: str, found: dict[str, float], where: str) -> float:
    """The value of `metric` among those found.

    Raises:
        DataError: the rows do not define it (roc_auc of rows that are all of one class).
    """
    if metric not in found:
        raise DataError(f"{where}: {metric} is not defined for {why_undefined(metric)}; add rows or change the metric")
    return found[metric]


def why_undefined(metric: str) -> str:
    """The rows that do not define a metric, in words."""
    return "a single row" if metric == "r2" else "rows of one class only"


def _regression(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
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
