"""The files of predictions: <stem>.csv as predict.py writes them, <stem>.csv.out (JSON lines) as a batch transform."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from mlops_jobs.contract import PREDICTION, PROBABILITY, Contract
from mlops_jobs.errors import DataError
from mlops_jobs.input_files import files_of

TRANSFORMED = ".out"  # what a batch transform adds to the name of its input


def predicted_files(folder: Path) -> list[Path]:
    """The predictions of a folder, by name: <stem>.csv each, whatever wrote them; raises DataError as `files_of`."""
    found = files_of(folder, ".csv", f".csv{TRANSFORMED}")
    return [path.with_name(path.name.removesuffix(TRANSFORMED)) for path in found]


def read_predictions(path: Path, contract: Contract) -> pa.Table:
    """The predictions of one input file: the id where the data has one, `prediction`, and class probabilities.

    Args:
        path: <stem>.csv; where it is not there, <stem>.csv.out is read.
        contract: under which they were made.

    Raises:
        DataError: the file is missing, or was not written under this contract.
    """
    types = {contract.id: pa.string()} if contract.id else {}
    types[PREDICTION] = pa.string() if contract.is_classification else pa.float64()
    transformed = path.with_name(path.name + TRANSFORMED)
    if transformed.exists() and not path.exists():
        path = transformed
    try:
        table = _read_json_lines(path, types) if path is transformed else _read_csv(path, types)
    except FileNotFoundError as error:
        raise DataError(f"{path}: does not exist; predict its input with predict.py first") from error
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: cannot be read as predictions ({error}); predict its input again") from error
    for name in types:
        if name not in table.column_names or table[name].null_count:
            raise DataError(f"{path}: has rows without {name!r}; predict its input again under this contract")
    # as the model gave them; those that are all 0 or 1 were read as whole numbers
    wide = [pa.field(f.name, pa.float32()) if f.name.startswith(PROBABILITY) else f for f in table.schema]
    return table.cast(pa.schema(wide))


def json_lines(predictions: pa.Table) -> str:
    """Predictions as JSON lines, each with its line break, so that answers can be put one behind the other.

    A float32 is written with the digits it has in a CSV file, 0.1 and not 0.10000000149011612.
    """
    columns = [
        column.cast(pa.string()).cast(pa.float64()) if pa.types.is_floating(column.type) else column
        for column in predictions.columns
    ]
    rows = pa.table(columns, names=predictions.column_names).to_pylist()
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _read_csv(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa.csv.read_csv(path, convert_options=options)


def _read_json_lines(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    options = pa.json.ParseOptions(explicit_schema=pa.schema(list(types.items())))
    return pa.json.read_json(path, parse_options=options)
