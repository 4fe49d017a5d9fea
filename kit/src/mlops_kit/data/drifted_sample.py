"""A drifted sample, made from the project's training rows: data and concept drift that a model in use may meet.

Every number is three standard deviations higher (or, without numeric columns, the most frequent category has a new
name), so that the data quality check reports a violation. The target changes too: the old model mispredicts it, and a
new model can learn it as well as the old model learned the old target.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_kit.data.sample import write_datasets

MAX_ROWS = 20_000  # enough for a rehearsal
PREDICTED_EVERY = 5  # every fifth row is to be predicted: spread out, since files are often sorted
SHIFT = 3.0  # standard deviations of a numeric feature
TARGET_SHIFT = 10.0  # standard deviations of a regression's target: beyond any sensible threshold


def write_drifted_sample(contract: Contract, training_file: Path, folder: Path) -> None:
    """Write training-data.csv, inference-data.csv and ground-truth.csv of the drifted sample into a folder.

    Args:
        contract: the data contract.
        training_file: labelled rows before the drift.
        folder: the target folder.

    Raises:
        DataError: the file violates the contract.
    """
    stream = CsvStream(training_file, contract, contract.file_columns(labelled=True))
    known = pa.Table.from_batches(list(stream)).slice(0, MAX_ROWS).unify_dictionaries()
    drifted = drift(contract, known)
    predicted = pa.array(row % PREDICTED_EVERY == 0 for row in range(len(drifted)))
    write_datasets(contract, drifted.filter(pc.invert(predicted)), drifted.filter(predicted), folder)


def drift(contract: Contract, known: pa.Table) -> pa.Table:
    """The same rows after the drift.

    Args:
        contract: the data contract.
        known: rows without the ignored columns, as `CsvStream` reads them.

    Returns:
        all columns of a labelled file in order, as text and numbers that a CSV file can hold.
    """
    columns, raw = {}, [column for column in contract.columns if not column.is_added]
    has_numbers = any(column.role == "numeric" for column in raw)
    for column in raw:
        values = known[column.name] if column.role != "ignored" else pa.chunked_array([["-"] * len(known)])
        if column.role == "target":
            values = _relabelled(values) if contract.is_classification else _shifted(values, TARGET_SHIFT)
        elif column.role == "numeric":
            values = _with_marks(_shifted(values, SHIFT), contract)
        elif column.role == "categorical":
            values = values.cast(pa.string()) if has_numbers else _renamed(values)
        columns[column.name] = values
    return pa.table(columns)


def _shifted(values: pa.ChunkedArray, deviations: float) -> pa.ChunkedArray:
    spread = pc.stddev(values).as_py() or 1.0
    return pc.add(values, deviations * spread)


def _with_marks(values: pa.ChunkedArray, contract: Contract) -> pa.ChunkedArray:
    """Numbers, as text if some are missing: these get the contract's first mark for missing values."""
    mark = contract.missing[0] if contract.missing else ""
    return pc.fill_null(values.cast(pa.string()), mark) if values.null_count else values


def _renamed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories, the most frequent one with a new name."""
    text = values.cast(pa.string())
    most_frequent = pc.mode(values.combine_chunks().dictionary_encode().indices)[0]["mode"]
    old = values.combine_chunks().dictionary_encode().dictionary[most_frequent.as_py()].as_py()
    return pc.if_else(pc.equal(text, old), f"{old} new", text)


def _relabelled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Rotated classes: each row gets the next class in sorted order, and the last class becomes the first."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    classes = sorted(text.unique().to_pylist())
    following = pa.array([*classes[1:], classes[0]])
    return pa.chunked_array([following.take(pc.index_in(chunk, pa.array(classes))) for chunk in text.chunks])
