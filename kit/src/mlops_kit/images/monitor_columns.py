"""The columns of a dataset as the model monitor sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column, without its missing cells.

    Attributes:
        type: Integral, Fractional, String, or Unknown where every cell is missing.
        numbers: the numbers in it, in order of their size; empty for texts.
        counts: how often each text occurs, the most frequent first; empty for numbers.
        shares: the share of cells that are Integral, Fractional, and String.
    """

    name: str
    type: str
    present: int
    missing: int
    numbers: np.ndarray
    counts: dict[str, int]
    shares: dict[str, float]

    @property
    def completeness(self) -> float:
        """The share of cells that are not missing."""
        total = self.present + self.missing
        return self.present / total if total else 0.0


def read_columns(dataset: pd.DataFrame) -> list[Column]:
    """The columns of a table, in its order."""
    return [_column(str(name), dataset[name]) for name in dataset.columns]


def _column(name: str, cells: pd.Series[Any]) -> Column:
    there = cells.dropna()
    present, missing = len(there), len(cells) - len(there)
    is_text = not pd.api.types.is_numeric_dtype(there) or pd.api.types.is_bool_dtype(there)
    numbers = pd.to_numeric(there.astype(str), errors="coerce").dropna() if is_text else there
    values = numbers.to_numpy(dtype=np.float64)
    values = np.sort(values[np.isfinite(values)])
    shares = _shares(values, present)
    kind = _type(present, shares)
    counts = there.astype(str).value_counts() if kind == "String" else {}
    return Column(
        name=name,
        type=kind,
        present=present,
        missing=missing,
        numbers=np.empty(0) if kind == "String" else values,
        counts={str(text): int(count) for text, count in dict(counts).items()},
        shares=shares,
    )


def _shares(values: np.ndarray, present: int) -> dict[str, float]:
    whole = int((values == np.round(values)).sum())
    of_all = max(present, 1)
    return {
        "Integral": whole / of_all,
        "Fractional": (len(values) - whole) / of_all,
        "String": (present - len(values)) / of_all,
    }


def _type(present: int, shares: dict[str, float]) -> str:
    if not present:
        return "Unknown"
    if shares["String"]:
        return "String"
    return "Fractional" if shares["Fractional"] else "Integral"
