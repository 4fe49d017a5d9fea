"""Rows of a world that has changed, made of the project's own: what a model in use meets one day.

Every number lies three standard deviations higher (or, where there are no numbers, the most frequent category has a
new name), so that the data-quality check has something to find. The target follows other rules, so that the old
model is wrong about it, and a new one can learn it as well as the old one learned the old.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_kit.data.sample import write_datasets

MOST_ROWS = 20_000  # as many as a rehearsal needs
EVERY = 5  # of so many rows one is to be predicted: taken in turn, since files are often sorted
SHIFT = 3.0  # standard deviations of a numeric feature
TARGET_SHIFT = 10.0  # standard deviations of a regression's target: further than any threshold forgives


def write_changed_world(contract: Contract, training_file: Path, folder: Path) -> None:
    """Write training-data.csv, inference-data.csv and ground-truth.csv of the changed world into a folder.

    Args:
        contract: what a row is.
        training_file: labelled rows of the world as it was.
        folder: where the three files shall stand.

    Raises:
        DataError: the file does not keep the contract.
    """
    stream = CsvStream(training_file, contract, contract.file_columns(labelled=True))
    known = pa.Table.from_batches(list(stream)).slice(0, MOST_ROWS).unify_dictionaries()
    changed = change(contract, known)
    predicted = pa.array(row % EVERY == 0 for row in range(len(changed)))
    write_datasets(contract, changed.filter(pc.invert(predicted)), changed.filter(predicted), folder)


def change(contract: Contract, known: pa.Table) -> pa.Table:
    """The same rows in the changed world.

    Args:
        contract: what a row is.
        known: its rows without the ignored columns, as `CsvStream` reads them.

    Returns:
        all columns of the contract in order, as text and numbers that may be written to a CSV file.
    """
    columns = {}
    for column in contract.columns:
        values = known[column.name] if column.role != "ignored" else pa.chunked_array([["-"] * len(known)])
        if column.role == "target":
            values = _relabelled(values) if contract.is_classification else _shifted(values, TARGET_SHIFT)
        elif column.role == "numeric":
            values = _with_marks(_shifted(values, SHIFT), contract)
        elif column.role == "categorical":
            values = values.cast(pa.string()) if contract.numeric else _renamed(values)
        columns[column.name] = values
    return pa.table(columns)


def _shifted(values: pa.ChunkedArray, deviations: float) -> pa.ChunkedArray:
    spread = pc.stddev(values).as_py() or 1.0
    return pc.add(values, deviations * spread)


def _with_marks(values: pa.ChunkedArray, contract: Contract) -> pa.ChunkedArray:
    """Numbers as text, where a missing one has a mark that the contract knows."""
    mark = contract.missing[0] if contract.missing else ""
    return pc.fill_null(values.cast(pa.string()), mark) if values.null_count else values


def _renamed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories whose most frequent one is called otherwise from now on."""
    text = values.cast(pa.string())
    most_frequent = pc.mode(values.combine_chunks().dictionary_encode().indices)[0]["mode"]
    old = values.combine_chunks().dictionary_encode().dictionary[most_frequent.as_py()].as_py()
    return pc.if_else(pc.equal(text, old), f"{old} new", text)


def _relabelled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Classes that have changed places: each row belongs to the next one in sorted order, the last to the first."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    classes = sorted(text.unique().to_pylist())
    following = pa.array([*classes[1:], classes[0]])
    return pa.chunked_array([following.take(pc.index_in(chunk, pa.array(classes))) for chunk in text.chunks])
