"""Precision and recall of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def by_class(actual: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """How many of the rows predicted as a class are of it, and how many of its rows are predicted as such.

    Args:
        actual: the index of each row's class; shape (n,).
        predicted: the index of the predicted class; shape (n,).
        classes: their names, by index.

    Returns:
        for each class `class`, `precision`, `recall` and `rows`; precision is None where no row is predicted as the
        class, and recall where no row is of it. Empty for a regression, which has no classes.
    """
    if not classes:
        return []
    of_class = np.bincount(actual, minlength=len(classes))
    as_class = np.bincount(predicted, minlength=len(classes))
    right = np.bincount(actual[actual == predicted], minlength=len(classes))
    return [
        {
            "class": name,
            "precision": float(right[index] / as_class[index]) if as_class[index] else None,
            "recall": float(right[index] / of_class[index]) if of_class[index] else None,
            "rows": int(of_class[index]),
        }
        for index, name in enumerate(classes)
    ]
