"""What guessing reaches: every metric of the best constant prediction, which a model has to beat."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from mlops_jobs.metric_names import METRICS_FOR, Metric
from mlops_jobs.scores import Scores

MeasuredBy = Callable[[np.ndarray, Scores], float]  # an own metric: of the target and what a model predicts for it
CONSTANTS = 100  # of a regression: as many quantiles of the target are tried for an own metric, and the mean
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


def reached_by_constants(
    problem_type: str, target: np.ndarray, metric: Metric, measure: MeasuredBy, classes: int = 2
) -> float:
    """The best value of an own metric among constant predictions on these rows; NaN where the rows define none.

    Tried are each class with certainty and each class with the shares of the classes as its probabilities; of a
    regression the mean, and the quantiles of the target.

    Args:
        problem_type: regression, binary or multiclass.
        target: the numbers, or the index of each row's class; shape (n,), n > 0.
        metric: which way is better.
        measure: the team's function.
        classes: how many there are.
    """
    constants = _constant_values(target) if problem_type == "regression" else _constant_classes(target, classes)
    found = [value for scores in constants if math.isfinite(value := measure(target, scores))]
    return (min if metric.lower_is_better else max)(found, default=math.nan)


def gain_over_guessing(metric: Metric, value: float, reached: float) -> float:
    """By how much a model's value is better than the best constant; 0 where the difference is negligible.

    Args:
        metric: the metric.
        value: the model's value.
        reached: what guessing reaches on the same rows.
    """
    gained = metric.gain(value, reached)
    return 0.0 if 0 < gained <= NEGLIGIBLE * (abs(reached) or 1.0) else gained


def _constant_values(target: np.ndarray) -> Iterator[Scores]:
    target = target.astype(np.float64)
    for value in np.unique([*np.quantile(target, np.linspace(0, 1, CONSTANTS + 1)), target.mean()]):
        yield Scores(np.full(len(target), value))


def _constant_classes(target: np.ndarray, classes: int) -> Iterator[Scores]:
    shares = np.bincount(target.astype(np.int64), minlength=classes) / len(target)
    for index in range(classes):
        predicted = np.full(len(target), index)
        for probabilities in (np.eye(classes)[index], shares):
            yield Scores(predicted, np.broadcast_to(probabilities, (len(target), classes)))


def _regression(target: np.ndarray) -> dict[str, float]:
    mse = float(np.mean((target - target.mean()) ** 2))
    found = {
        "rmse": math.sqrt(mse),
        "mae": float(np.mean(np.abs(target - np.median(target)))),
        "mse": mse,
    }
    return found | ({"r2": 0.0} if len(target) > 1 else {})
