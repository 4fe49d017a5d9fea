"""Features as lines of CSV, which a batch transform may cut anywhere: `[id,] feature, feature, ...` and no header.

An empty cell is a missing feature. A number has the digits that give back the same float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.feature_files import feature_schema
from mlops_jobs.preprocessor import Preprocessor


class LineWriter:
    """Write record batches of features as lines."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pa.csv.CSVWriter(path, schema, write_options=pa.csv.WriteOptions(include_header=False))

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write the rows below those before."""
        if batch.num_columns > 1:  # one empty cell alone would be an empty line, and no row: there it is "nan"
            batch = pa.record_batch([_empty_where_nan(column) for column in batch.columns], schema=batch.schema)
        self._writer.write_batch(batch)


def read_lines(
    lines: bytes, contract: Contract, preprocessor: Preprocessor
) -> tuple[pa.ChunkedArray | None, np.ndarray]:
    """Read lines that `preprocess.py apply --format csv` wrote, all of them or any piece between two line breaks.

    Returns:
        the ids where the data has them, and the features; shape (n, features), float32, NaN for missing.

    Raises:
        DataError: the cells of a line do not fit the columns of the features, or one is not a finite number.
    """
    schema = feature_schema(contract, preprocessor)
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(_outside_python(lines)),
            read_options=pa.csv.ReadOptions(column_names=schema.names),
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=len(schema) > 1),
            convert_options=pa.csv.ConvertOptions(
                column_types=schema, null_values=["", "nan"], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(schema, str(error)) from error
    features = np.column_stack([table[name].to_numpy() for name in preprocessor.features])
    if np.isinf(features).any():
        raise _unreadable(schema, "a number is infinite or too large")
    return table[contract.id] if contract.id else None, features


def _outside_python(content: bytes) -> pa.Buffer:
    """A copy in pyarrow's own memory.

    A thread of pyarrow's may drop what it reads after the reading is done. To drop a Python object it needs the
    interpreter, and where that has begun to end, Python ends the thread and C++ aborts the process (SIGABRT).
    """
    buffer = pa.allocate_buffer(len(content))
    memoryview(buffer).cast("B")[:] = content
    return buffer


def _empty_where_nan(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column


def _unreadable(schema: pa.Schema, why: str) -> DataError:
    names = ", ".join(schema.names)
    return DataError(f"a line is not {names} ({why}); send what preprocess.py apply --format csv wrote")
