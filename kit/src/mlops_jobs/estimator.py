"""What jobs/model.py defines: how a model is trained, stored, and asked for predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from mlops_jobs.feature_files import LabelledFeatures


class BaseEstimator(ABC):
    """Learns from the features that the preprocessor makes, and predicts from them.

    Features are arrays of shape (n, features), float32, in the order of `preprocessor.features`: a missing number has
    the median, a category is its index, and an unknown category, a missing date and a missing truth value are NaN.

    Attributes:
        FILE: the name under which the artifact holds it; a model of another kind needs another name.
        fitted: what the model's library trained.
    """

    FILE: ClassVar[str]

    def __init__(self, fitted: Any) -> None:
        self.fitted = fitted

    @classmethod
    @abstractmethod
    def train(cls, training: LabelledFeatures, validation: LabelledFeatures, **hyperparameters: Any) -> BaseEstimator:
        """Learn from the training split; the validation split may decide when to stop.

        Args:
            training: rows with their targets, and with weights where the contract has class_weights.
            validation: the same, never weighted.
            hyperparameters: a value for each name in jobs/hyperparameters.py.
        """

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes) -> BaseEstimator:
        """Read what `to_bytes` wrote. Whatever it raises for other bytes becomes a message; it must not unpickle."""

    @abstractmethod
    def to_bytes(self) -> bytes:
        """The estimator in a form that holds no code."""

    @abstractmethod
    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predict rows; raises an error of the library for another number of features than in training.

        Returns:
            the values of a regression, shape (n,); or the probability of each class, shape (n, classes), or only that
            of the positive class in a binary problem, shape (n,).
        """

    @property
    def rounds(self) -> int:
        """The rounds of training that were kept; 1 for a model without rounds."""
        return 1

    def importance(self) -> np.ndarray | None:
        """How much each feature contributes to the fit, shape (features,), not negative; None: it is not known."""
        return None

    def contributions(self, features: np.ndarray, *, exact: bool) -> np.ndarray | None:
        """What each feature adds to the prediction of each row; None: it is not known.

        Args:
            features: shape (n, features).
            exact: whether accuracy matters more than time, as for some rows of an evaluation; else time does, as for
                each row of a batch.

        Returns:
            shape (n, features + 1), or (n, classes, features + 1) for several classes. The last entry is what every
            row has in common. A row's entries add up to its value, to the log-odds of the positive class, or to a score
            for each class whose softmax are the probabilities.
        """
        return None
