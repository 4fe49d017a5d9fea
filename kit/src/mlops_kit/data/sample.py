"""Generate a small dataset that fits the contract, so that a new project runs at once.

One hidden quantity drives every column. The noise on the target depends on the contract's metric and threshold, so that
an ordinary model meets the threshold.
"""

from __future__ import annotations

import math
import re
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mlops_jobs.columns import BOOLEAN, DATETIME, NUMERIC, Column
from mlops_jobs.contract import Contract
from mlops_jobs.split_rule import GROUP

TRAINING_ROWS, INFERENCE_ROWS, TEST_ROWS = 2000, 500, 500
WILDCARD = re.compile(r"[*?]|\[[^]]*\]")  # of a pattern of file names
CATEGORIES = ("A", "B", "C", "D", "E", "F")
EMPTY_SHARE = 0.005  # real files have empty cells
FEW_WRONG = 0.01  # so few wrong labels that a model beats constants even where one kind of error costs much more
CELL_NOISE = 0.03
ROWS_OF_A_GROUP = 10
SECONDS_OF_A_DAY = 86_400
MIN_CELL = 0.25  # before scaling; above the noise, so that no number is negative by chance
DATE_NAME = re.compile(r"(^|_)(date|day|on|at)$", re.IGNORECASE)  # an input of such a name gets dates, else numbers


def write_sample(contract: Contract, folder: Path, seed: int = 1) -> None:
    """Write training-data.csv, inference-data.csv (no target) and ground-truth.csv (its labels) into a folder.

    Where the contract has split.test_files, a file of such a name is written too.
    """
    test_rows = TEST_ROWS if contract.split.test_files else 0
    table = sample_table(contract, TRAINING_ROWS + INFERENCE_ROWS + test_rows, seed)
    rest = table.slice(TRAINING_ROWS)
    write_datasets(contract, table.slice(0, TRAINING_ROWS), rest.slice(0, INFERENCE_ROWS), folder)
    if contract.split.test_files:
        name = WILDCARD.sub("1", contract.split.test_files)
        write_csv(contract, rest.slice(INFERENCE_ROWS), folder / name)


def write_datasets(contract: Contract, training: pa.Table, inference: pa.Table, folder: Path) -> None:
    """Write the training rows, the rows to predict, and the labels of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(contract, training, folder / "training-data.csv")
    write_csv(contract, inference.select(contract.file_columns(labelled=False)), folder / "inference-data.csv")
    write_csv(contract, inference.select(contract.label_columns), folder / "ground-truth.csv")


def write_csv(contract: Contract, table: pa.Table, path: Path) -> None:
    """Write rows as CSV with the contract's header, delimiter and decimal mark."""
    if contract.decimal != ".":
        numbers = {name: table.schema.get_field_index(name) for name in (*contract.numeric, contract.target)}
        for name, place in numbers.items():
            if place >= 0 and (name != contract.target or not contract.is_classification):
                texts = pc.replace_substring(table[name].cast(pa.string()), ".", contract.decimal)
                table = table.set_column(place, name, texts)
    options = pa.csv.WriteOptions(include_header=contract.header, delimiter=contract.delimiter)
    pa.csv.write_csv(table, path, options)


def sample_table(contract: Contract, rows: int, seed: int) -> pa.Table:
    """Generate labelled rows; the same seed gives the same rows.

    Returns:
        a table with all columns of a labelled file, in the order of the contract.
    """
    random = np.random.default_rng(seed)
    hidden, target = _target(contract, rows, random)
    empty = EMPTY_SHARE if "" in contract.missing else 0.0
    columns = {}
    for index, column in enumerate(column for column in contract.columns if not column.is_added):
        if column.name == contract.split.column and column.role != "id":
            columns[column.name] = _groups_or_times(contract, column, rows, random)
        elif column.role == DATETIME:
            columns[column.name] = _with_empty(_times(hidden, column), random)
        elif column.role == BOOLEAN:
            columns[column.name] = _with_empty(_truth_values(hidden, random), random)
        elif column.role == "numeric":
            columns[column.name] = _numbers(hidden, 0.5 + 0.25 * (index % 8), empty, random)
        elif column.role == "categorical":
            columns[column.name] = _categories(hidden, random)
        elif column.role == "id":
            prefix = "" if column.name == contract.split.column else f"{contract.dataset}-"  # a time may be a number
            columns[column.name] = pa.array([f"{prefix}{row:06d}" for row in range(rows)])
        elif column.role == "target":
            columns[column.name] = target
        elif column.role == "input":
            columns[column.name] = _dates(hidden) if DATE_NAME.search(column.name) else _numbers(hidden, 1, 0, random)
        else:
            columns[column.name] = pa.array(["-"] * rows)
    return pa.table(columns)


def _numbers(hidden: np.ndarray[Any, Any], scale: float, empty: float, random: np.random.Generator) -> pa.Array:
    values = scale * (MIN_CELL + hidden + random.normal(0, CELL_NOISE, len(hidden)))
    return pa.array(values.round(4), mask=random.random(len(hidden)) < empty)


def _groups_or_times(contract: Contract, column: Column, rows: int, random: np.random.Generator) -> pa.Array:
    """Groups of about ROWS_OF_A_GROUP rows, or days in random order; as numbers where the column is numeric."""
    numbers = random.permutation(rows) // ROWS_OF_A_GROUP
    if column.role == NUMERIC:
        return pa.array(numbers.astype(float))
    if column.role == DATETIME:
        return pa.array(written(np.datetime64("2024-01-01", "s") + numbers * SECONDS_OF_A_DAY, column))
    if contract.split.by == GROUP:
        return pa.array([f"group {number}" for number in numbers])
    return pa.array((np.datetime64("2024-01-01") + numbers).astype(str))


def _times(hidden: np.ndarray[Any, Any], column: Column) -> list[str]:
    """An instant in the ten years from 2015 on for each row, in the form of the column."""
    seconds = (hidden * 3650 * SECONDS_OF_A_DAY).astype(int)
    instants = np.datetime64("2015-01-01", "s") + seconds
    return written(instants, column)


def written(instants: np.ndarray[Any, Any], column: Column) -> list[str]:
    """Instants as the cells of a datetime column; in ISO 8601 with a time of day only where a feature needs it."""
    form = column.format or ("%Y-%m-%dT%H:%M:%S" if {"hour", "minute"} & set(column.parts) else "%Y-%m-%d")
    return [instant.replace(tzinfo=UTC).strftime(form) for instant in instants.tolist()]


def _truth_values(hidden: np.ndarray[Any, Any], random: np.random.Generator) -> list[str]:
    return np.where(hidden + random.normal(0, CELL_NOISE, len(hidden)) > 0.5, "true", "false").tolist()


def _with_empty(texts: list[str], random: np.random.Generator) -> pa.Array:
    return pa.array(np.where(random.random(len(texts)) < EMPTY_SHARE, "", np.array(texts)))


def _dates(hidden: np.ndarray[Any, Any]) -> pa.Array:
    """A day in the ten years from 2015 on for each row, as 2015-01-31."""
    days = np.datetime64("2015-01-01") + (hidden * 3650).astype(int)
    return pa.array(days.astype(str))


def _categories(hidden: np.ndarray[Any, Any], random: np.random.Generator) -> pa.Array:
    count = len(CATEGORIES)
    indices = (hidden * count + random.normal(0, CELL_NOISE, len(hidden))).clip(0, count - 1).astype(int)
    names = np.array([*CATEGORIES, ""])
    return pa.array(names[np.where(random.random(len(hidden)) < EMPTY_SHARE, count, indices)])


def _target(contract: Contract, rows: int, random: np.random.Generator) -> tuple[np.ndarray[Any, Any], pa.Array]:
    """Draw the hidden quantity of each row, in (0, 1), and the target that depends on it."""
    if not contract.is_classification:
        hidden = random.random(rows)
        spread, noise = _regression_scale(contract)
        curve = hidden + 0.1 * np.sin(2 * math.pi * hidden)
        values = spread * (1 + 5 * curve) + random.normal(0, noise, rows)
        return hidden, pa.array(values.round(_decimals(spread)))
    classes = _classes(contract)
    indices = random.permutation(np.arange(rows) % len(classes))
    hidden = (indices + random.uniform(0.1, 0.9, rows)) / len(classes)
    wrong = random.random(rows) < _wrong_share(contract)
    shown = np.where(wrong, (indices + 1) % len(classes), indices)
    return hidden, pa.array(np.array(classes)[shown])


def _regression_scale(contract: Contract) -> tuple[float, float]:
    """The unit and the noise of the target with which a model can meet the threshold."""
    if contract.main_metric.is_own:
        return 1.0, 0.05
    if contract.metric == "r2":
        return 1.0, 1.4 * math.sqrt((1 - contract.threshold) / 2)
    error = math.sqrt(contract.threshold) if contract.metric == "mse" else contract.threshold
    return error, 0.5 * error


def _decimals(unit: float) -> int:
    return max(0, 3 - math.floor(math.log10(unit)))


def _wrong_share(contract: Contract) -> float:
    """The share of wrong labels: a third of the errors that the threshold allows; few for an own metric or a gate."""
    if contract.main_metric.is_own or contract.gates:
        return FEW_WRONG
    allowed = contract.threshold / 2 if contract.metric == "log_loss" else 1 - contract.threshold
    return min(allowed / 3, 0.2)


def _classes(contract: Contract) -> tuple[str, ...]:
    if contract.problem_type == "multiclass":
        return "high", "low", "medium"
    positive = contract.positive_class
    return ("no", "yes") if positive is None else (f"not {positive}", positive)
