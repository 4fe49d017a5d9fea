"""Explanations: what each feature adds to a prediction, for a row and on average.

An estimator computes the contributions (`BaseEstimator.contributions`). Their unit is that of the sum they add up to:
the target's for a regression, log-odds of the positive class for a binary problem, and the score before the softmax
for several classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_jobs.artifact import Model
from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError
from mlops_jobs.input_files import csv_files

EXPLANATION, CONTRIBUTION = "explanation_", "contribution_"  # each followed by a rank from 1
MAX_ROWS = 500  # of the test split: exact contributions take about a hundred times as long as predictions
MAX_FEATURES, MAX_CLASSES = 100, 50  # in evaluation.json, which the pipeline reads


def explained(table: pa.Table, model: Model, features: np.ndarray, predicted: np.ndarray, top: int) -> pa.Table:
    """Predictions with the features that moved each of them most.

    Args:
        table: the predictions as they are written.
        model: predicted them.
        features: of the same rows; shape (n, features).
        predicted: of the same rows, the value or the index of the class; shape (n,).
        top: how many features; fewer if the model has fewer.

    Returns:
        the table, and for each rank `explanation_<rank>`, the name of the feature, and `contribution_<rank>`, what it
        adds: for several classes to the score of the predicted class, otherwise to the value or the log-odds of the
        positive class.

    Raises:
        UserError: the model does not know contributions, or the id has the name of one of these columns.
    """
    found = contributions_of(model, features, exact=False)
    if found.ndim == 3:
        found = found[np.arange(len(found)), predicted]
    names = pa.array(model.preprocessor.features)
    for rank, (indices, values) in enumerate(strongest(found[:, :-1], top), start=1):
        for name in (f"{EXPLANATION}{rank}", f"{CONTRIBUTION}{rank}"):
            if name in table.column_names:
                raise UserError(f"the id column is named {name}, as a column of the explanations; rename it")
        table = table.append_column(f"{EXPLANATION}{rank}", pa.DictionaryArray.from_arrays(indices, names))
        table = table.append_column(f"{CONTRIBUTION}{rank}", pa.array(values))
    return table


def strongest(contributions: np.ndarray, top: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The largest contributions of each row by their absolute value, from the first rank to the last.

    Args:
        contributions: shape (n, features).
        top: the number of ranks; fewer if there are fewer features.

    Yields:
        the index of the feature, shape (n,), int32, and its contribution, shape (n,).
    """
    rows, count = np.arange(len(contributions)), min(top, contributions.shape[1])
    remaining = np.abs(contributions)
    for _ in range(count):
        indices = remaining.argmax(axis=1)
        yield indices.astype(np.int32), contributions[rows, indices]
        remaining[rows, indices] = -1.0


def contributions_of(model: Model, features: np.ndarray, *, exact: bool) -> np.ndarray:
    """The contributions to the predictions of some rows; see BaseEstimator.contributions.

    Raises:
        UserError: the model does not know them.
    """
    found = model.estimator.contributions(features, exact=exact)
    if found is None:
        raise UserError("the estimator of jobs/model.py has no contributions, so its predictions cannot be explained")
    return found


def mean_contributions(model: Model, test_dir: Path) -> dict[str, Any]:
    """How much each feature moves the predictions of the test split, on average over rows spread evenly in it.

    Args:
        model: the model, with the contract that the rows keep.
        test_dir: the folder of the test rows.

    Returns:
        rows (explained), unit, and mean_absolute: the mean absolute contribution by feature, the largest first; for
        several classes by_class, too, which has the same for each class. Empty if the model has no contributions.
    """
    features = _spread_evenly(model, test_dir)
    found = model.estimator.contributions(features, exact=True)
    if found is None:
        return {}
    names = model.preprocessor.features
    means = np.abs(found[..., :-1]).mean(axis=0, dtype=np.float64)  # (features,) or (classes, features)
    overall = means if means.ndim == 1 else means.mean(axis=0)
    content = {"rows": len(features), "unit": unit_of(model.contract), "mean_absolute": _ordered(names, overall)}
    if means.ndim == 2:
        by_class = zip(model.preprocessor.classes[:MAX_CLASSES], means, strict=False)
        content["by_class"] = {name: _ordered(names, of_class) for name, of_class in by_class}
    return content


def unit_of(contract: Contract) -> str:
    """The unit of contributions, in words."""
    if not contract.is_classification:
        return contract.target
    return "log-odds" if contract.problem_type == "binary" else "score before the softmax"


def _spread_evenly(model: Model, test_dir: Path) -> np.ndarray:
    """The features of at most MAX_ROWS rows; of twice as many rows, every second one is kept, again and again."""
    contract = model.contract.as_written
    kept: list[np.ndarray] = []
    step, seen = 1, 0
    for path in csv_files(test_dir):
        for batch in CsvStream(path, contract, contract.labelled_columns):
            features = model.preprocessor.transform(batch)
            kept.append(features[-seen % step :: step])
            seen += len(features)
            while sum(map(len, kept)) > MAX_ROWS:
                kept, step = [np.concatenate(kept)[::2]], step * 2
    return np.concatenate(kept)


def _ordered(names: Sequence[str], means: np.ndarray) -> dict[str, float]:
    order = np.argsort(-means, kind="stable")[:MAX_FEATURES]
    return {names[index]: float(means[index]) for index in order}
