"""The rows of a split as XGBoost reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import xgboost as xgb

from mlops_jobs.feature_files import LabelledFeatures, Rows


class Batches(xgb.DataIter):
    """Feed XGBoost a split batch by batch, so that memory holds bins and not rows."""

    def __init__(self, split: LabelledFeatures) -> None:
        super().__init__(release_data=True)
        self._split = split
        self._batches: Iterator[Rows] = iter(())

    def reset(self) -> None:
        """Begin again at the first row."""
        self._batches = self._split.batches()

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Pass the next batch to XGBoost; False at the end."""
        rows = next(self._batches, None)
        if rows is None:
            return False
        preprocessor = self._split.preprocessor
        input_data(
            data=rows.features,
            label=rows.target,
            weight=rows.weights,
            feature_names=list(preprocessor.features),
            feature_types=["c" if name in preprocessor.categories else "q" for name in preprocessor.features],
        )
        return True
