"""The Parquet files of features: stamped with the preprocessor that made them, read back in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.preprocessor import Preprocessor

TRAIN_FILE, VALIDATION_FILE = "train.parquet", "validation.parquet"
FINGERPRINT = b"preprocessor"  # the key in a file's metadata
ROWS_AT_A_TIME = 1 << 16


def stamped(schema: pa.Schema, preprocessor: Preprocessor) -> pa.Schema:
    """The schema of a file whose features this preprocessor made."""
    return schema.with_metadata({FINGERPRINT: preprocessor.fingerprint})


def feature_schema(contract: Contract, preprocessor: Preprocessor) -> pa.Schema:
    """The columns of a file of features to predict: the id where the data has one, and the features as float32."""
    columns = [(contract.id, pa.string())] if contract.id else []
    features = [(name, pa.float32()) for name in preprocessor.features]
    return stamped(pa.schema([*columns, *features]), preprocessor)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file of features to write record batches into."""
    return pq.ParquetWriter(path, schema, use_dictionary=False)


class FeatureFile:
    """Features that the given preprocessor made.

    Raises:
        DataError: the file is missing, is not a Parquet file, or another preprocessor made it.
    """

    def __init__(self, path: Path, preprocessor: Preprocessor) -> None:
        if not path.is_file():
            raise DataError(f"{path}: does not exist; make it with preprocess.py")
        try:
            self._file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise DataError(f"{path}: is not a Parquet file ({error}); make it again with preprocess.py") from error
        made_by = (self._file.schema_arrow.metadata or {}).get(FINGERPRINT, b"").decode()
        if made_by != preprocessor.fingerprint:
            raise DataError(
                f"{path}: was made by another preprocessor than the model's; make it again with preprocess.py"
            )
        self._features = preprocessor.features

    def batches(self) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Yield all columns of some rows, and their features as an array of shape (n, features), float32."""
        for batch in self._file.iter_batches(ROWS_AT_A_TIME):
            yield batch, np.column_stack([batch.column(name).to_numpy() for name in self._features])
