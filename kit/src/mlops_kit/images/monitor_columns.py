"""The columns of a dataset, as the model monitor classifies them: by the text of their cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Deequ's patterns (com.amazon.deequ.analyzers.catalyst.StatefulDataType). Those of release 2.0 know no exponent: to
# them 1e-07 is a text. A cell of the text "true" or "false" is Boolean, which the monitor reports as String.
INTEGRAL = r"^[-+]? ?\d+$"
FRACTIONAL = r"^[-+]? ?(\d+\.\d*|\d*\.\d+)$"


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


def read_columns(dataset: pa.Table) -> list[Column]:
    """The columns of a table of texts, in order; a missing cell is null."""
    return [_column(name, cells) for name, cells in zip(dataset.column_names, dataset.columns, strict=True)]


def _column(name: str, cells: pa.ChunkedArray) -> Column:
    values = cells.drop_null()
    kinds = _kinds(values)
    present = len(values)
    kind = _type(present, kinds)
    is_text = kind in ("String", "Unknown")
    numbers = np.empty(0) if is_text else np.sort(_as_numbers(values))
    counted = pc.value_counts(values).to_pylist() if kind == "String" else []
    counted.sort(key=lambda entry: (-entry["counts"], entry["values"]))
    return Column(
        name=name,
        type=kind,
        present=present,
        missing=len(cells) - present,
        numbers=numbers,
        counts={entry["values"]: entry["counts"] for entry in counted},
        shares={kind: count / max(present, 1) for kind, count in kinds.items()},
    )


def _kinds(values: pa.ChunkedArray) -> dict[str, int]:
    """How many cells are of each kind."""
    integral, fractional = (_count(values, pattern) for pattern in (INTEGRAL, FRACTIONAL))
    return {"Integral": integral, "Fractional": fractional, "String": len(values) - integral - fractional}


def _count(values: pa.ChunkedArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0


def _as_numbers(values: pa.ChunkedArray) -> Numbers:
    if _count(values, "^[+]|^[-+]? "):  # pyarrow reads no number with a plus sign, or a blank after its sign
        values = pc.replace_substring(pc.replace_substring(values, "+", ""), " ", "")
    numbers: Numbers = values.cast(pa.float64()).to_numpy()
    return numbers


def _type(present: int, kinds: Mapping[str, int]) -> str:
    if not present:
        return "Unknown"
    if kinds["String"]:
        return "String"
    return "Fractional" if kinds["Fractional"] else "Integral"
