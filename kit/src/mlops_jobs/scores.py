"""A model's predictions in the form in which they are measured, drawn and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """The predictions for n rows.

    Attributes:
        predicted: the value, or the index of the class that is decided for; shape (n,).
        probabilities: of each class, shape (n, classes); None for regression.
    """

    predicted: np.ndarray
    probabilities: np.ndarray | None = None

    @property
    def positive(self) -> np.ndarray:
        """The probability of the positive class of a binary problem, which is the second; shape (n,).

        Raises:
            ValueError: the scores are those of a regression.
        """
        if self.probabilities is None:
            raise ValueError("the predictions of a regression have no probabilities")
        positive: np.ndarray = self.probabilities[:, 1]
        return positive

    def decided(self, threshold: float) -> Scores:
        """The same probabilities with another decision threshold."""
        return Scores(decide_from(threshold, self.positive), self.probabilities)

    def take(self, rows: np.ndarray) -> Scores:
        """The scores of some of the rows, by their indices or a mask."""
        return Scores(self.predicted[rows], None if self.probabilities is None else self.probabilities[rows])

    @staticmethod
    def concatenate(parts: Sequence[Scores]) -> Scores:
        """Join the scores of batches in their order."""
        predicted = np.concatenate([part.predicted for part in parts])
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        return Scores(predicted, np.concatenate(probabilities) if probabilities else None)


def decide(probabilities: np.ndarray) -> np.ndarray:
    """The index of the more probable class of each row; shape (n,), of probabilities of shape (n, classes)."""
    decided: np.ndarray = probabilities.argmax(axis=1)
    return decided


def decide_from(threshold: float, positive: np.ndarray) -> np.ndarray:
    """The class of each row of a binary problem: 1 where the positive class reaches the threshold."""
    reached: np.ndarray = positive.astype(np.float64) >= threshold  # in float32 the threshold would be rounded
    return reached.astype(np.int64)
