"""The metrics by name: which fit a problem, which way is better, when a threshold is met. Measures nothing itself."""

from __future__ import annotations

import math
import re

METRICS_FOR = {
    "regression": ("rmse", "mae", "mse", "r2"),
    "binary": ("accuracy", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "f1_macro", "log_loss"),
}
USUAL_METRIC = {"regression": "rmse", "binary": "roc_auc", "multiclass": "f1_macro"}
LOWER_IS_BETTER = frozenset({"rmse", "mae", "mse", "log_loss"})

# What XGBoost watches for early stopping: the metric itself where it knows it, else its nearest kin.
_XGBOOST_METRIC = {"rmse": "rmse", "mse": "rmse", "r2": "rmse", "mae": "mae", "roc_auc": "auc"}


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
