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

    def take(self, rows: np.ndarray) -> Scores:
        """The scores of some of the rows, by their indices or a mask."""
        return Scores(self.predicted[rows], None if self.probabilities is None else self.probabilities[rows])

    @staticmethod
    def concatenate(parts: Sequence[Scores]) -> Scores:
        """Join the scores of batches in their order."""
        predicted = np.concatenate([part.predicted for part in parts])
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        return Scores(predicted, np.concatenate(probabilities) if probabilities else None)


def decide(probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """The index of the class that is predicted for each row; shape (n,).

    Args:
        probabilities: of each class; shape (n, classes).
        threshold: of two classes, from which probability of the second on it is predicted; None: the more probable one.
    """
    if threshold is None:
        most_probable: np.ndarray = probabilities.argmax(axis=1)
        return most_probable
    positive = probabilities[:, 1].astype(np.float64)  # in float32 the threshold would be rounded
    reached: np.ndarray = positive >= threshold
    return reached.astype(np.int64)
