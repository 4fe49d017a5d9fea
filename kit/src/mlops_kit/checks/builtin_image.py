"""What SageMaker fixes for its built-in XGBoost image, script mode or not: metric names and tunable hyperparameters.

The API refuses MetricDefinitions for this image, an objective that is not one of the image's metrics, and a range for a
hyperparameter that the built-in algorithm does not tune. Sources:

- the metrics: XGB_MAXIMIZE_METRICS and XGB_MINIMIZE_METRICS in sagemaker_xgboost_container/constants/xgb_constants.py
  of github.com/aws/sagemaker-xgboost-container, which algorithm_mode/metrics.py declares as `validation:<name>`;
- their expressions: MetricDefinitions in the response of DescribeTrainingJob;
- the tunable hyperparameters: docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html.
"""

from __future__ import annotations

import re

PLACEHOLDERS = ("${training_image_uri}", "${image_uri}")  # the built-in image, unless an environment names another

MAXIMIZED = (
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "map",
    "ndcg",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)
MINIMIZED = (
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
# An objective of a tuning job -> its type.
OBJECTIVES = {f"validation:{name}": "Maximize" for name in MAXIMIZED}
OBJECTIVES |= {f"validation:{name}": "Minimize" for name in MINIMIZED}

# A tunable hyperparameter -> the type of its range; none is categorical.
TUNABLE = dict.fromkeys(("max_delta_step", "max_depth", "num_round"), "integer") | dict.fromkeys(
    (
        "alpha",
        "colsample_bylevel",
        "colsample_bynode",
        "colsample_bytree",
        "eta",
        "gamma",
        "lambda",
        "min_child_weight",
        "subsample",
    ),
    "continuous",
)

_REPOSITORY = re.compile(r"[^/]+/sagemaker-xgboost([:@].+)?")
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def is_builtin(image: str) -> bool:
    """Whether an image is SageMaker's XGBoost image, judged by the name of its repository."""
    return image in PLACEHOLDERS or _REPOSITORY.fullmatch(image) is not None


def metric_definitions() -> list[dict[str, str]]:
    """The names and expressions with which SageMaker reads this image's log, which has #011 for a tab."""
    return [
        {"Name": f"{split}:{name}", "Regex": rf".*\[[0-9]+\].*#011{split}-{re.escape(name)}:{_NUMBER}.*"}
        for split in ("train", "validation")
        for name in (*MAXIMIZED, *MINIMIZED)
    ]
