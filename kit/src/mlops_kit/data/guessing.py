"""Propose a threshold: a little better than what guessing reaches, computed from the target."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError
from mlops_jobs.fitting import order_classes
from mlops_jobs.guessing import reached_by_guessing
from mlops_jobs.metric_names import LOWER_IS_BETTER
from mlops_jobs.preprocessor import texts

# A little better: mse a tenth smaller (which is r2 0.1), so the other errors a twentieth; a score a tenth nearer to 1
BETTER_SCORE = 0.1
BETTER_ERROR = {"mse": 0.1, "rmse": 0.05, "mae": 0.05, "log_loss": 0.05}
DIGITS = 4
SMALLEST = 0.001  # where guessing is perfect, since the target has one value only: such data is refused elsewhere


def proposed_threshold(metric: str, reached: float) -> float:
    """A threshold that is a little better than guessing, and in the range of the metric.

    Args:
        metric: the metric.
        reached: what guessing reaches.
    """
    if metric in LOWER_IS_BETTER:
        smaller = 1 - BETTER_ERROR[metric]
        return float(f"{smaller * reached:.{DIGITS}g}") or SMALLEST
    share = 10**DIGITS * (reached + BETTER_SCORE * (1 - reached))
    return math.floor(round(share, 3)) / 10**DIGITS


def about_threshold(reached: Mapping[str, float], *, is_kept: bool) -> str:
    """Where the threshold of a proposal comes from, and what guessing reaches by every metric."""
    origin = "that of the contract before" if is_kept else "a little better than guessing"
    values = ", ".join(f"{name} {value:.4g}" for name, value in reached.items())
    return f"the threshold is {origin}; guessing reaches {values} here"


def guessing_on(contract: Contract, path: Path) -> dict[str, float]:
    """What the best constant prediction reaches on a file's rows, for every metric of the problem.

    Raises:
        DataError: the file does not keep the contract, or its targets do not define the contract's metric.
    """
    columns = contract.file_columns(labelled=True)
    batches = [batch.column(0) for batch in CsvStream(path, contract, columns, read=(contract.target,))]
    reached = reached_by_guessing(contract.problem_type, _indices(contract, batches, str(path)))
    if contract.metric not in reached and not contract.main_metric.is_own:
        raise DataError(
            f"{path}: column {contract.target!r} holds one value only, so {contract.metric} is not defined; add rows"
        )
    return reached


def _indices(contract: Contract, batches: list[pa.Array], where: str) -> np.ndarray:
    """The numbers of a regression, or the indices of the classes."""
    if not contract.is_classification:
        return np.concatenate([batch.to_numpy() for batch in batches])
    counts: Counter[str] = Counter()
    for batch in batches:
        for text, count in zip(
            texts(batch.dictionary), np.bincount(batch.indices.to_numpy(), minlength=len(batch.dictionary)), strict=True
        ):
            counts[text] += int(count)
    names = order_classes(contract, tuple(counts), where)
    return np.repeat(np.arange(len(names)), [counts[name] for name in names])
