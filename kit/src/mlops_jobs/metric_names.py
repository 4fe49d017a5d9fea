"""The metrics by name: which fit a problem, which way is better, when a threshold is met. Measures nothing itself."""

from __future__ import annotations

import math

# Each metric of a problem, and what SageMaker's XGBoost image calls it. On that image a tuning can follow the image's
# own metrics only: the API refuses others. They are XGB_MAXIMIZE_METRICS and XGB_MINIMIZE_METRICS in
# sagemaker_xgboost_container/constants/xgb_constants.py of github.com/aws/sagemaker-xgboost-container.
CONTAINER_NAMES = {
    "regression": {"rmse": "rmse", "mae": "mae", "mse": "mse", "r2": "r2"},
    "binary": {"accuracy": "accuracy", "f1": "f1_binary", "roc_auc": "auc", "log_loss": "logloss"},
    "multiclass": {"accuracy": "accuracy", "f1_macro": "f1_macro", "log_loss": "mlogloss"},
}
METRICS_FOR = {problem_type: tuple(names) for problem_type, names in CONTAINER_NAMES.items()}
USUAL_METRIC = {"regression": "rmse", "binary": "roc_auc", "multiclass": "f1_macro"}
LOWER_IS_BETTER = frozenset({"rmse", "mae", "mse", "log_loss"})


def in_range(metric: str, threshold: float) -> bool:
    """Whether a threshold can be met and missed: above 0, and at most 1 where 1 is perfect."""
    return math.isfinite(threshold) and threshold > 0 and (metric in LOWER_IS_BETTER or threshold <= 1)


def meets(metric: str, value: float, threshold: float) -> bool:
    """Whether `value` is at least as good as `threshold`."""
    return value <= threshold if metric in LOWER_IS_BETTER else value >= threshold


def gain(metric: str, value: float, reference: float) -> float:
    """By how much `value` is better than `reference`, in the metric's own unit; negative where it is worse."""
    return reference - value if metric in LOWER_IS_BETTER else value - reference


def objective_name(problem_type: str, metric: str) -> str:
    """The name under which a tuning job follows a metric, of the image's own."""
    return f"validation:{CONTAINER_NAMES[problem_type][metric]}"


def metric_line(problem_type: str, metric: str, value: float, rounds: int = 1) -> str:
    r"""The log line from which SageMaker reads the metric, in the form of XGBoost's own evaluations.

    The image's expression for it is `.*\[[0-9]+\].*#011validation-<name>:(\S+)` (algorithm_mode/metrics.py of
    github.com/aws/sagemaker-xgboost-container), where #011 is the tab in the log. The last such line of a job counts.
    """
    return f"[{rounds}]\tvalidation-{CONTAINER_NAMES[problem_type][metric]}:{value:.10g}"
