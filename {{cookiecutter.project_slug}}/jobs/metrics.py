"""The metrics a model is judged by: which fit a problem, what they are worth, when a threshold is met."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

from errors import DataError

METRICS_FOR = {
    "regression": ("rmse", "mae", "mse", "r2"),
    "binary": ("accuracy", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "f1_macro", "log_loss"),
}
USUAL_METRIC = {"regression": "rmse", "binary": "roc_auc", "multiclass": "f1_macro"}
LOWER_IS_BETTER = frozenset({"rmse", "mae", "mse", "log_loss"})

# What XGBoost watches for early stopping: the metric itself where it knows it, else its nearest kin.
_XGBOOST_METRIC = {"rmse": "rmse", "mse": "rmse", "r2": "rmse", "mae": "mae", "roc_auc": "auc"}


@dataclass(frozen=True)
class Scores:
    """What a model says of n rows.

    Attributes:
        predicted: the value, or the index of the most probable class; shape (n,).
        probabilities: of each class, shape (n, classes); None for regression.
    """

    predicted: np.ndarray
    probabilities: np.ndarray | None = None

    @staticmethod
    def concatenate(parts: Sequence[Scores]) -> Scores:
        """Join the scores of batches in their order."""
        predicted = np.concatenate([part.predicted for part in parts])
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        return Scores(predicted, np.concatenate(probabilities) if probabilities else None)


def early_stopping_metric(problem_type: str, metric: str) -> str:
    """The name of the XGBoost metric to watch while training for `metric`."""
    return _XGBOOST_METRIC.get(metric, "mlogloss" if problem_type == "multiclass" else "logloss")


def in_range(metric: str, threshold: float) -> bool:
    """Whether a threshold can be met and missed: above 0, and at most 1 where 1 is perfect."""
    return math.isfinite(threshold) and threshold > 0 and (metric in LOWER_IS_BETTER or threshold <= 1)


def meets(metric: str, value: float, threshold: float) -> bool:
    """Whether `value` is at least as good as `threshold`."""
    return value <= threshold if metric in LOWER_IS_BETTER else value >= threshold


def gain(metric: str, value: float, reference: float) -> float:
    """By how much `value` is better than `reference`, in the metric's own unit; negative where it is worse."""
    return reference - value if metric in LOWER_IS_BETTER else value - reference


def metric_line(metric: str, value: float) -> str:
    """The line that tells a tuning job how good a model is."""
    return f"validation:{metric}={value:.10g}"


def metric_pattern(metric: str) -> str:
    """The regular expression that finds the value in a `metric_line`."""
    return rf"^validation:{re.escape(metric)}=([-+0-9.eE]+)$"


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
        raise DataError(f"{where}: {metric} is not defined for {_why_undefined(metric)}; add rows or change the metric")
    return found[metric]


def _why_undefined(metric: str) -> str:
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
