"""The columns of a dataset, as the model monitor classifies them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """A column, without its missing cells.

    Attributes:
        type: Integral, Fractional, String, or Unknown if all cells are missing.
        numbers: its numbers, sorted; empty for a String column.
        counts: how often each text occurs, the most frequent first; empty for a numeric column.
        shares: the shares of the Integral, Fractional and String cells.
    """

    name: str
    type: str
    present: int
    missing: int
    numbers: Numbers
    counts: dict[str, int]
    shares: dict[str, float]

    @property
    def completeness(self) -> float:
        """The share of cells that are not missing."""
        total = self.present + self.missing
        return self.present / total if total else 0.0


def read_columns(dataset: pd.DataFrame) -> list[Column]:
    """The columns of a table, in order."""
    return [_column(str(name), dataset[name]) for name in dataset.columns]


def _column(name: str, cells: pd.Series[Any]) -> Column:
    values = cells.dropna()
    present, missing = len(values), len(cells) - len(values)
    is_text = not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
    numeric = pd.to_numeric(values.astype(str), errors="coerce").dropna() if is_text else values
    numbers = numeric.to_numpy(dtype=np.float64)
    numbers = np.sort(numbers[np.isfinite(numbers)])
    shares = _shares(numbers, present)
    kind = _type(present, shares)
    counts = values.astype(str).value_counts() if kind == "String" else {}
    return Column(
        name=name,
        type=kind,
        present=present,
        missing=missing,
        numbers=np.empty(0) if kind == "String" else numbers,
        counts={str(text): int(count) for text, count in dict(counts).items()},
        shares=shares,
    )


def _shares(numbers: Numbers, present: int) -> dict[str, float]:
    integers = int((numbers == np.round(numbers)).sum())
    total = max(present, 1)
    return {
        "Integral": integers / total,
        "Fractional": (len(numbers) - integers) / total,
        "String": (present - len(numbers)) / total,
    }


def _type(present: int, shares: dict[str, float]) -> str:
    if not present:
        return "Unknown"
    if shares["String"]:
        return "String"
    return "Fractional" if shares["Fractional"] else "Integral"
