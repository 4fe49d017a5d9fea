"""The features that are computed from a row, in training and in serving alike: typed columns, and jobs/features.py.

The file's text travels with what was fitted, so a model computes its features with the function that it was trained
with, whatever the function has become since.
"""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mlops_jobs.contract import Contract
from mlops_jobs.csv_diagnosis import FLOAT32_MAX
from mlops_jobs.errors import DataError, UserError
from mlops_jobs.typed_columns import typed

if TYPE_CHECKING:
    import pandas as pd

FILE = "features.py"
FUNCTION = "add_features"
MAX_SHOWN = 8  # columns of a row in a message


class OwnFeatures:
    """Makes values of the columns of dates and truth values, and adds those that a contract has from features.py.

    Where the contract declares neither, it does nothing.

    Args:
        contract: the columns; None where nothing is computed.
        source: the text of features.py.

    Raises:
        UserError: the contract declares such columns, and the text has no function `add_features`.
    """

    def __init__(self, contract: Contract | None = None, source: str = "") -> None:
        self._contract = contract
        self._added = contract.added if contract else ()
        self._raw_columns = contract.raw_columns if contract else ()
        self._categorical = contract.categorical if contract else ()
        self.source = source if self._added else ""
        self._function: Any = getattr(_module(source), FUNCTION, None) if self._added else None
        if self._added and not callable(self._function):
            raise UserError(
                f"the contract declares the columns {', '.join(self._added)} with source: features, and {FILE} has no "
                f"function {FUNCTION}; write it in jobs/{FILE}"
            )

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the text; empty where nothing is added."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16] if self.source else ""

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with dates and truth values as such, and with the added columns behind its own.

        Args:
            batch: n rows with the contract's raw columns, as CsvStream yields them.

        Raises:
            DataError: the function fails, returns other rows or columns, or an infinite number.
        """
        if self._contract:
            batch = typed(batch, self._contract)
        if not self._added:
            return batch
        frame = _frame(batch.select(self._raw_columns))
        added = self._call(frame)
        for name in self._added:
            batch = batch.append_column(name, self._column(name, added, frame))
        return batch

    def _call(self, frame: pd.DataFrame) -> pd.DataFrame:
        try:
            added = self._function(frame.copy())
        except Exception as error:
            place, where = _line(error), self._failing_row(frame)
            raise DataError(f"{FILE}{place}: {_reason(error)} at {where}; correct the function or the row") from error
        columns, rows = getattr(added, "columns", None), len(added) if hasattr(added, "__len__") else None
        if columns is None or sorted(map(str, columns)) != sorted(self._added):
            returned = type(added).__name__ if columns is None else f"the columns {', '.join(map(str, columns))}"
            raise DataError(
                f"{FILE}: {FUNCTION} returned {returned}, and the contract declares {', '.join(self._added)} "
                "with source: features; return a DataFrame of exactly these"
            )
        if rows != len(frame):
            raise DataError(f"{FILE}: {FUNCTION} returned {rows} rows for {len(frame)}; return one for each, in order")
        return added

    def _column(self, name: str, added: pd.DataFrame, frame: pd.DataFrame) -> pa.Array:
        if name in self._categorical:
            texts = ["" if value is None or value != value else str(value) for value in added[name].tolist()]
            return pa.array(texts, pa.string()).dictionary_encode()
        try:
            values = added[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise DataError(f"{FILE}: column {name!r} is numeric in the contract and holds {_reason(error)}") from error
        if (infinite := np.abs(values) > FLOAT32_MAX).any():
            row = _shown(frame.iloc[int(infinite.argmax())].to_dict())
            raise DataError(f"{FILE}: column {name!r} is infinite at {row}; return NaN where there is no value")
        return pa.array(values, pa.float64(), from_pandas=True)

    def _failing_row(self, frame: pd.DataFrame) -> str:
        """The first row on which the function fails by itself, or all of them."""
        for index in range(len(frame)):
            row = frame.iloc[index : index + 1]
            try:
                self._function(row.copy())
            except Exception:
                return _shown(row.iloc[0].to_dict())
        return f"{len(frame)} rows together, and at none of them alone"


def read_source(folder: Path) -> str:
    """The text of the features.py in a folder; empty where there is none.

    Raises:
        UserError: it is not UTF-8.
    """
    path = folder / FILE
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8; save the file in UTF-8") from error


def _module(source: str) -> ModuleType:
    """features.py as a separate module: a model and its champion may have different ones in one process."""
    module = ModuleType("features")
    try:
        exec(compile(source, FILE, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        raise UserError(f"jobs/{FILE}: cannot be imported: {_reason(error)}") from error
    return module


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    """Numbers as floats with NaN for missing, dates as datetime64 with NaT, the others as trimmed text."""
    import pandas as pd  # here: a project without such features starts faster

    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_floating(column.type) or pa.types.is_timestamp(column.type):
            columns[name] = column.to_numpy(zero_copy_only=False)
        else:
            texts = column.cast(pa.string()).to_pylist()
            columns[name] = np.array([text.strip() for text in texts], dtype=object)
    return pd.DataFrame(columns)


def _line(error: Exception) -> str:
    """The line of features.py that raised an error, as `, line 12`."""
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE]
    return f", line {lines[-1]}" if lines else ""


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _shown(row: dict[str, Any]) -> str:
    shown = [f"{name}={value!r}" for name, value in row.items()]
    more = f" and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else ""
    return f"the row {', '.join(shown[:MAX_SHOWN])}{more}"
