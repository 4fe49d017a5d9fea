"""The model: how it is trained, stored, and asked for predictions. Another model replaces this file.

The names, defaults and limits of its hyperparameters stand in hyperparameters.py.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import xgboost as xgb
from mlops_jobs.estimator import BaseEstimator
from mlops_jobs.feature_files import LabelledFeatures
from mlops_jobs.tree_contributions import PathContributions
from mlops_jobs.xgboost_batches import Batches

OBJECTIVES = {"regression": "reg:squarederror", "binary": "binary:logistic", "multiclass": "multi:softprob"}
# The metric of XGBoost's that decides on early stopping: the same where XGBoost has it, otherwise the most similar.
EARLY_STOPPING = {"rmse": "rmse", "mse": "rmse", "r2": "rmse", "mae": "mae", "roc_auc": "auc"}
USUALLY = {"regression": "rmse", "binary": "logloss", "multiclass": "mlogloss"}


class Estimator(BaseEstimator):
    """Trees of XGBoost."""

    FILE = "model.ubj"  # XGBoost's own binary JSON

    @property
    def booster(self) -> xgb.Booster:
        """The trees."""
        return self.fitted

    @classmethod
    def train(cls, training: LabelledFeatures, validation: LabelledFeatures, **hyperparameters: Any) -> Estimator:
        """Train until the validation split gets no better, and keep the best round."""
        contract, preprocessor = training.contract, training.preprocessor
        num_round, patience = (hyperparameters.pop(name) for name in ("num_round", "early_stopping_rounds"))
        seen = xgb.QuantileDMatrix(Batches(training), enable_categorical=True)
        unseen = xgb.QuantileDMatrix(Batches(validation), ref=seen, enable_categorical=True)
        multiclass = {"num_class": len(preprocessor.classes)} if contract.problem_type == "multiclass" else {}
        monotone = {"monotone_constraints": contract.directions} if contract.directions else {}
        booster = xgb.train(
            {
                "objective": OBJECTIVES[contract.problem_type],
                "eval_metric": early_stopping_metric(contract.problem_type, contract.metric),
                **multiclass,
                **monotone,
                **hyperparameters,
            },
            seen,
            num_boost_round=num_round,
            evals=[(seen, "train"), (unseen, "validation")],
            early_stopping_rounds=patience,
            verbose_eval=25,
        )
        return cls(booster[: booster.best_iteration + 1])

    @classmethod
    def from_bytes(cls, data: bytes) -> Estimator:
        """Read what `to_bytes` wrote."""
        booster = xgb.Booster()
        booster.load_model(bytearray(data))
        return cls(booster)

    def to_bytes(self) -> bytes:
        """The trees in XGBoost's own format."""
        return bytes(self.booster.save_raw(raw_format="ubj"))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Values or probabilities, in the shape in which the objective has them."""
        predicted: np.ndarray = self.booster.inplace_predict(features)
        return predicted

    @property
    def rounds(self) -> int:
        """The rounds up to the best one."""
        return int(self.booster.num_boosted_rounds())

    def importance(self) -> np.ndarray:
        """By gain: how much the splits on each feature bettered the fit; shape (features,)."""
        gains = self.booster.get_score(importance_type="total_gain")
        return np.array([gains.get(name, 0.0) for name in self.booster.feature_names or ()], dtype=float)

    def contributions(self, features: np.ndarray, *, exact: bool) -> np.ndarray:
        """By SHAP values where `exact`; else by the path of each row through the trees, in a small part of the time."""
        if not exact:
            return self._paths.of(features)
        known = {"feature_names": self.booster.feature_names, "feature_types": self.booster.feature_types}
        rows = xgb.DMatrix(features, enable_categorical=True, **known)
        found: np.ndarray = self.booster.predict(rows, pred_contribs=True)
        return found

    @cached_property
    def _paths(self) -> PathContributions:
        return PathContributions(self.booster)


def early_stopping_metric(problem_type: str, metric: str) -> str:
    """The name of the XGBoost metric to watch while training for `metric`."""
    return EARLY_STOPPING.get(metric, USUALLY[problem_type])
