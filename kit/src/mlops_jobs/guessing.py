"""What guessing reaches: every metric of the best constant prediction, which a model has to beat."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mlops_jobs.metric_names import METRICS_FOR, gain

NEGLIGIBLE = 1e-6  # of the baseline: predictions are float32, so a constant one may seem better by less


def reached_by_guessing(problem_type: str, target: np.ndarray) -> dict[str, float]:
    """Each metric of the best constant prediction on these rows, without those that the rows do not define.

    The constant is the best one for each metric: the mean for rmse, mse and r2, the median for mae, the most frequent
    class for accuracy, always positive for f1, the best of the classes for f1_macro, the shares of the classes for
    log_loss. It is the best in hindsight: no constant that was learned in training does better on the same rows.

    Args:
        problem_type: regression, binary or multiclass.
        target: the numbers, or the index of each row's class, for binary 1 for the positive one; shape (n,), n > 0.
    """
    if problem_type == "regression":
        return _regression(target.astype(np.float64))
    shares = np.bincount(target.astype(np.int64), minlength=2) / len(target)
    present = shares[shares > 0]
    f1_of_each = 2 * shares / (1 + shares)
    found = {
        "accuracy": float(shares.max()),
        "log_loss": float(-(present * np.log(present)).sum()) + 0.0,
        "f1": float(f1_of_each[1]),
        "f1_macro": float(f1_of_each.max() / len(present)),
        **({"roc_auc": 0.5} if len(present) == 2 else {}),
    }
    return {name: found[name] for name in METRICS_FOR[problem_type] if name in found}


def gain_over_guessing(metric: str, value: float, reached: Mapping[str, float]) -> float:
    """By how much a model's value is better than the best constant; 0 where the difference is negligible.

    Args:
        metric: the metric.
        value: the model's value.
        reached: what guessing reaches on the same rows.
    """
    gained = gain(metric, value, reached[metric])
    return 0.0 if 0 < gained <= NEGLIGIBLE * (abs(reached[metric]) or 1.0) else gained


def _regression(target: np.ndarray) -> dict[str, float]:
    mse = float(np.mean((target - target.mean()) ** 2))
    found = {
        "rmse": math.sqrt(mse),
        "mae": float(np.mean(np.abs(target - np.median(target)))),
        "mse": mse,
    }
    return found | ({"r2": 0.0} if len(target) > 1 else {})
