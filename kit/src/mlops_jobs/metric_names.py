"""The metrics by name: which fit a problem, which way is better, when a threshold is met. Measures nothing itself."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

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

# Measured for gates and for the decision, but no main metric: a model that calls every row positive has recall 1, so no
# model beats the best constant.
GATES_ONLY = {"regression": (), "binary": ("recall", "precision"), "multiclass": ()}
# What the decision threshold changes; roc_auc and log_loss depend on the probabilities alone.
OF_A_DECISION = ("accuracy", "f1", "recall", "precision")
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"


# On SageMaker's image a team's own metric is reported under one of the image's names of the same direction, which
# XGBoost itself does not report in such a job: its lines would count for the early stopping of a tuning.
CARRIERS = {
    "regression": {True: "mae", False: "r2"},
    "binary": {True: "error", False: "accuracy"},
    "multiclass": {True: "merror", False: "accuracy"},
}


@dataclass(frozen=True)
class Metric:
    """A metric as a contract names it.

    Attributes:
        name: one of METRICS_FOR or GATES_ONLY, or of the contract's own_metrics.
        lower_is_better: whether it is an error or a cost, and not a score.
        is_own: whether it is a function of the team's, in jobs/metrics.py.
    """

    name: str
    lower_is_better: bool
    is_own: bool = False

    @property
    def bound(self) -> str:
        """How a threshold bounds it, in words."""
        return "at most" if self.lower_is_better else "at least"

    def in_range(self, threshold: float) -> bool:
        """Whether a threshold can be met and missed: above 0, and at most 1 for a score; of an own metric, any."""
        if self.is_own or not math.isfinite(threshold):
            return math.isfinite(threshold)
        return threshold > 0 and (self.lower_is_better or threshold <= 1)

    def meets(self, value: float, threshold: float) -> bool:
        """Whether `value` is at least as good as `threshold`."""
        return value <= threshold if self.lower_is_better else value >= threshold

    def gain(self, value: float, reference: float) -> float:
        """By how much `value` is better than `reference`, in the metric's own unit; negative where it is worse."""
        return reference - value if self.lower_is_better else value - reference


def known_metric(name: str) -> Metric:
    """One of the metrics that need no function of the team's."""
    return Metric(name, name in LOWER_IS_BETTER)


def measured_for(problem_type: str) -> tuple[str, ...]:
    """The metrics of a problem that need no function of the team's: those that may decide, then those for gates."""
    return METRICS_FOR[problem_type] + GATES_ONLY[problem_type]


def container_name(problem_type: str, metric: Metric) -> str:
    """The name of SageMaker's image under which a metric is reported."""
    if metric.is_own:
        return CARRIERS[problem_type][metric.lower_is_better]
    return CONTAINER_NAMES[problem_type][metric.name]


def objective_name(problem_type: str, metric: Metric) -> str:
    """The name under which a tuning job follows a metric, of the image's own."""
    return f"validation:{container_name(problem_type, metric)}"


def metric_definition(metric: str) -> dict[str, str]:
    """How SageMaker reads a metric from the log of train.py in an image of the team's own, which has no metrics yet.

    The expression is that of the line `<metric> on the validation split: <value>`, and the last such line counts.
    """
    return {"Name": f"validation:{metric}", "Regex": rf"{re.escape(metric)} on the validation split: ({_NUMBER})"}


def metric_line(problem_type: str, metric: Metric, value: float, rounds: int = 1) -> str:
    r"""The log line from which SageMaker reads the metric, in the form of XGBoost's own evaluations.

    The image's expression for it is `.*\[[0-9]+\].*#011validation-<name>:(\S+)` (algorithm_mode/metrics.py of
    github.com/aws/sagemaker-xgboost-container), where #011 is the tab in the log. The last such line of a job counts.
    """
    return f"[{rounds}]\tvalidation-{container_name(problem_type, metric)}:{value:.10g}"
