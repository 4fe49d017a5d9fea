"""A drifted sample, made from the project's training rows: data and concept drift that a model in use may meet.

Every number is three standard deviations higher (or, without numeric columns, the most frequent categories have new
names), so that the data quality check reports a violation. The target changes too: the old model mispredicts it, and a
new model can learn it as well as the old model learned the old target.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_kit.data.sample import write_csv, write_datasets

MAX_ROWS = 20_000  # enough for a rehearsal
PREDICTED_EVERY = 5  # every fifth row is to be predicted: spread out, since files are often sorted
SHIFT = 3.0  # standard deviations of a numeric feature
TARGET_SHIFT = 10.0  # standard deviations of a regression's target: beyond any sensible threshold


def write_drifted_sample(
    contract: Contract, training_file: Path, folder: Path, test_files: Sequence[Path] = ()
) -> None:
    """Write training-data.csv, inference-data.csv and ground-truth.csv of the drifted sample into a folder.

    The test files drift in the same way and keep their names: a new model is judged on what it has to predict.

    Args:
        contract: the data contract.
        training_file: labelled rows before the drift.
        folder: the target folder.
        test_files: the files of the contract's split.test_files.

    Raises:
        DataError: the file violates the contract.
    """
    known = _read(training_file, contract).slice(0, MAX_ROWS)
    tables = [known, *(_read(path, contract) for path in test_files)]
    drifted = drift(contract, pa.concat_tables(tables).unify_dictionaries())
    start = len(known)
    folder.mkdir(parents=True, exist_ok=True)
    for path, table in zip(test_files, tables[1:], strict=True):
        write_csv(contract, drifted.slice(start, len(table)), folder / path.name)
        start += len(table)
    training = drifted.slice(0, len(known))
    predicted = pa.array(row % PREDICTED_EVERY == 0 for row in range(len(training)))
    write_datasets(contract, training.filter(pc.invert(predicted)), training.filter(predicted), folder)


def _read(path: Path, contract: Contract) -> pa.Table:
    stream = CsvStream(path, contract, contract.file_columns(labelled=True), contract.split_columns)
    return pa.Table.from_batches(list(stream)).unify_dictionaries()


def drift(contract: Contract, known: pa.Table) -> pa.Table:
    """The same rows after the drift.

    Args:
        contract: the data contract.
        known: rows as `CsvStream` reads them; of the ignored columns, they have at most the one that splits them.

    Returns:
        all columns of a labelled file in order, as text and numbers that a CSV file can hold.
    """
    columns, raw = {}, [column for column in contract.columns if not column.is_added]
    has_numbers = any(column.role == "numeric" for column in raw)
    for column in raw:
        values = known[column.name] if column.name in known.column_names else pa.chunked_array([["-"] * len(known)])
        if column.role == "target":
            values = _relabelled(values) if contract.is_classification else _shifted(values, TARGET_SHIFT)
        elif column.name == contract.split.column:
            values = values.cast(pa.string())  # the same groups and times, for another split needs no drift
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
    """Categories, the most frequent ones with new names, so that at least half of the rows have one."""
    text = values.cast(pa.string())
    counts = sorted(text.value_counts().to_pylist(), key=lambda entry: (-entry["counts"], entry["values"]))
    renamed, rows = [], 0
    for entry in counts:
        if rows >= len(text) / 2:
            break
        renamed.append(entry["values"])
        rows += entry["counts"]
    return pc.if_else(pc.is_in(text, pa.array(renamed)), pc.binary_join_element_wise(text, "new", " "), text)


def _relabelled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Rotated classes: each row gets the next class in sorted order, and the last class becomes the first."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    classes = sorted(text.unique().to_pylist())
    following = pa.array([*classes[1:], classes[0]])
    return pa.chunked_array([following.take(pc.index_in(chunk, pa.array(classes))) for chunk in text.chunks])
