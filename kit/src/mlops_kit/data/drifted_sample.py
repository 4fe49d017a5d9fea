"""A drifted sample, made from the project's training rows: data and concept drift that a model in use may meet.

Every number and date is three standard deviations away (or, without them, categories have new names), so that the data
quality check reports a violation. A model that is trained on the drifted rows can learn them as well as the old model
learned the old ones; where rows keep their classes, so can one with monotone constraints. Which drift worsens the
metric of a project depends on the metric and the model: those of `worlds` are tried in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.columns import BOOLEAN, CATEGORICAL, DATETIME, NUMERIC, Column
from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.datetimes import TimeForm
from mlops_jobs.typed_columns import FALSE, TRUE
from mlops_kit.data.sample import write_csv, write_datasets, written

MAX_ROWS = 20_000  # enough for a rehearsal
PREDICTED_EVERY = 5  # every fifth row is to be predicted: spread out, since files are often sorted
SHIFT = 3.0  # standard deviations of a number or a date
EARLIEST, LATEST = -25_000, 47_000  # days since 1970: the years 1901 to 2098
MOVING = (NUMERIC, DATETIME)
RENAMED_EVERY = 7  # of the rows whose categories change places: enough for the data quality check
TARGET_SHIFT = 10.0  # standard deviations of a regression's target: beyond any sensible threshold


@dataclass(frozen=True)
class World:
    """A drift.

    Attributes:
        direction: 1 where numbers and dates are higher, -1 where they are lower.
        target_direction: the same of a regression's target.
        recodes: whether categories and truth values have changed places, as after a change of a table of codes.
        rotates: whether each row gets the next class.
    """

    direction: int = 1
    target_direction: int = 1
    recodes: bool = False
    rotates: bool = False

    def __str__(self) -> str:
        words = ["higher" if self.direction > 0 else "lower", *(["recoded"] if self.recodes else [])]
        return "-".join([*words, *(["rotated"] if self.rotates else []), f"target{self.target_direction:+d}"])


# The first ones keep the relation of features and target, so that any model can learn them. To numbers beyond those it
# knows a model answers nearly the same, and a category of another class misleads it.
_CLASSIFICATION = (
    World(),
    World(-1),
    World(recodes=True),
    World(-1, recodes=True),
    World(rotates=True),
    World(-1, rotates=True),
)
_REGRESSION = (World(), World(target_direction=-1), World(-1), World(-1, target_direction=-1))


def worlds(contract: Contract) -> tuple[World, ...]:
    """The drifts to try for a contract, in order."""
    return _CLASSIFICATION if contract.is_classification else _REGRESSION


def write_drifted_sample(
    contract: Contract, training_file: Path, folder: Path, test_files: Sequence[Path] = (), world: World | None = None
) -> None:
    """Write training-data.csv, inference-data.csv and ground-truth.csv of the drifted sample into a folder.

    The test files drift in the same way and keep their names: a new model is judged on what it has to predict.

    Args:
        contract: the data contract.
        training_file: labelled rows before the drift.
        folder: the target folder.
        test_files: the files of the contract's split.test_files.
        world: the drift; None for the first of `worlds`.

    Raises:
        DataError: the file violates the contract.
    """
    known = _read(training_file, contract).slice(0, MAX_ROWS)
    tables = [known, *(_read(path, contract) for path in test_files)]
    drifted = drift(contract, pa.concat_tables(tables).unify_dictionaries(), world or worlds(contract)[0])
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


def drift(contract: Contract, known: pa.Table, world: World) -> pa.Table:
    """The same rows after the drift.

    Args:
        contract: the data contract.
        known: rows as `CsvStream` reads them; of the ignored columns, they have at most the one that splits them.
        world: the drift.

    Returns:
        all columns of a labelled file in order, as text and numbers that a CSV file can hold.
    """
    raw = [column for column in contract.columns if not column.is_added]
    moving = [column for column in raw if column.role in MOVING and column.name != contract.split.column]
    columns = {}
    for column in raw:
        values = known[column.name] if column.name in known.column_names else pa.chunked_array([["-"] * len(known)])
        if column.role == "target":
            values = _drifted_target(values, contract, world)
        elif column.name == contract.split.column:
            values = values.cast(pa.string())  # the same groups and times, for another split needs no drift
        elif column.role == NUMERIC:
            values = _with_marks(_shifted(values, world.direction * SHIFT), contract)
        elif column.role == DATETIME:
            values = moved_dates(values, column, world.direction * SHIFT)
        elif column.role == CATEGORICAL:
            values = _recoded(values, known[contract.target]) if world.recodes else values.cast(pa.string())
            values = values if moving else _renamed(values, 1 if not world.recodes else RENAMED_EVERY)
        elif column.role == BOOLEAN and (world.recodes or not moving):
            values = _flipped(values)
        columns[column.name] = values
    return pa.table(columns)


def _drifted_target(values: pa.ChunkedArray, contract: Contract, world: World) -> pa.ChunkedArray:
    if not contract.is_classification:
        return _shifted(values, world.target_direction * TARGET_SHIFT)
    return _relabelled(values) if world.rotates else values.cast(pa.string())


def _shifted(values: pa.ChunkedArray, deviations: float) -> pa.ChunkedArray:
    spread = pc.stddev(values).as_py() or 1.0
    return pc.add(values, deviations * spread)


def moved_dates(texts: pa.ChunkedArray, column: Column, deviations: float) -> pa.Array:
    """Dates some standard deviations later, by whole days; an empty text where one is missing.

    Args:
        texts: as `CsvStream` reads them.
        column: what they are.
        deviations: how far; no further than years of four digits reach.
    """
    texts = texts.cast(pa.string()).combine_chunks()
    filled = pc.if_else(pc.equal(texts, ""), None, texts)
    instants = TimeForm(column.format).read(filled).drop_null().to_numpy()
    if not len(instants):
        return texts
    days = (instants - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    shift = round(float(np.clip(deviations * (days.std() or 1.0), EARLIEST - days.min(), LATEST - days.max())))
    moved = iter(written(instants + np.timedelta64(shift, "D"), column))
    return pa.array([next(moved) if text else "" for text in texts.to_pylist()])


def _flipped(texts: pa.ChunkedArray) -> pa.Array:
    """Truth values, each the other one."""
    other = dict.fromkeys(TRUE, "false") | dict.fromkeys(FALSE, "true")
    return pa.array([other.get(text.lower(), "") for text in texts.cast(pa.string()).to_pylist()])


def _with_marks(values: pa.ChunkedArray, contract: Contract) -> pa.ChunkedArray:
    """Numbers, as text if some are missing: these get the contract's first mark for missing values."""
    mark = contract.missing[0] if contract.missing else ""
    return pc.fill_null(values.cast(pa.string()), mark) if values.null_count else values


def _renamed(values: pa.ChunkedArray, every: int) -> pa.ChunkedArray:
    """Categories, each or some with a new name; empty ones stay empty."""
    text = values.cast(pa.string())
    renamed = pa.chunked_array([pa.array(np.arange(len(text)) % every == 0)])
    to_rename = pc.and_(renamed, pc.not_equal(pc.utf8_trim_whitespace(text), ""))
    return pc.if_else(to_rename, pc.binary_join_element_wise(text, "new", " "), text)


def _recoded(values: pa.ChunkedArray, target: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories that have changed places: those of the first classes with those of the last ones."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    labels = pc.utf8_trim_whitespace(target.cast(pa.string())).combine_chunks()
    classes = pa.array(sorted(labels.unique().to_pylist()))
    ranked = (
        pa.table({"name": text, "rank": pc.index_in(labels, classes)}).group_by("name").aggregate([("rank", "mean")])
    )
    in_order = ranked.sort_by([("rank_mean", "ascending"), ("name", "ascending")])
    names = [name for name in in_order["name"].to_pylist() if name]
    other = dict(zip(names, reversed(names), strict=True)) | {"": ""}
    return pa.chunked_array([[other[name] for name in text.to_pylist()]])


def _relabelled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Rotated classes: each row gets the next class in sorted order, and the last class becomes the first."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    classes = sorted(text.unique().to_pylist())
    following = pa.array([*classes[1:], classes[0]])
    return pa.chunked_array([following.take(pc.index_in(chunk, pa.array(classes))) for chunk in text.chunks])
