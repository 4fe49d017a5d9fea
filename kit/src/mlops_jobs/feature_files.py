"""The Parquet files of features: stamped with the preprocessor that made them, read back in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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


class Rows(NamedTuple):
    """Rows to learn from, or to measure a model on.

    Attributes:
        features: shape (n, features), float32.
        target: the value, or the index of the class; shape (n,).
        weights: how much each row counts, shape (n,); None: all count the same.
    """

    features: np.ndarray
    target: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class LabelledFeatures:
    """The rows of a split that preprocess.py fit wrote."""

    path: Path
    contract: Contract
    preprocessor: Preprocessor

    def batches(self) -> Iterator[Rows]:
        """Yield the rows in batches, so that no more than one is in memory.

        Raises:
            DataError: the file is missing, or another preprocessor made it.
        """
        for batch, features in FeatureFile(self.path, self.preprocessor).batches():
            yield Rows(features, batch.column(self.contract.target).to_numpy())

    def read(self) -> Rows:
        """All rows at once, for an estimator that does not learn in batches.

        Raises:
            DataError: the file is missing, or another preprocessor made it.
        """
        features, target, weights = zip(*self.batches(), strict=True)
        weighted = [part for part in weights if part is not None]
        return Rows(np.concatenate(features), np.concatenate(target), np.concatenate(weighted) if weighted else None)
