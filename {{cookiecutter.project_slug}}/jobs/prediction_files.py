"""Read the files that predict.py wrote."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from contract import PREDICTION, PROBABILITY, Contract
from errors import DataError


def read_predictions(path: Path, contract: Contract) -> pa.Table:
    """The predictions of one input file: the id where the data has one, `prediction`, and class probabilities.

    Raises:
        DataError: the file is missing, or predict.py did not write it under this contract.
    """
    types = {PREDICTION: pa.string() if contract.is_classification else pa.float64()}
    if contract.id:
        types[contract.id] = pa.string()
    try:
        options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
        table = pa.csv.read_csv(path, convert_options=options)
    except FileNotFoundError as error:
        raise DataError(f"{path}: does not exist; predict its input with predict.py first") from error
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: cannot be read as predictions ({error}); predict its input again") from error
    for name in types:
        if name not in table.column_names:
            raise DataError(f"{path}: has no column {name!r}; predict its input again under this contract")
    # as the model gave them; those that are all 0 or 1 were read as whole numbers
    wide = [pa.field(f.name, pa.float32()) if f.name.startswith(PROBABILITY) else f for f in table.schema]
    return table.cast(pa.schema(wide))
