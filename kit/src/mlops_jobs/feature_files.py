"""The Parquet files of features: stamped with the preprocessor that made them, read back in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.preprocessor import Preprocessor
from mlops_jobs.training_settings import ClassWeights

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

    def column(self, name: str) -> Iterator[np.ndarray]:
        """Yield one column in parts."""
        for batch in self._file.iter_batches(ROWS_AT_A_TIME, columns=[name]):
            yield batch.column(0).to_numpy()

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
    """The rows of a split that preprocess.py fit wrote.

    Attributes:
        path: the Parquet file of the split.
        contract: the contract of the rows.
        preprocessor: what made their features.
        weighted: whether the contract's class_weights count; not for rows that a model is measured on.
    """

    path: Path
    contract: Contract
    preprocessor: Preprocessor
    weighted: bool = False

    def batches(self) -> Iterator[Rows]:
        """Yield the rows in batches, so that no more than one is in memory.

        Raises:
            DataError: the file is missing, or another preprocessor made it.
        """
        weight_of = self._class_weights
        for batch, features in FeatureFile(self.path, self.preprocessor).batches():
            target = batch.column(self.contract.target).to_numpy()
            yield Rows(features, target, None if weight_of is None else weight_of[target.astype(np.int64)])

    def read(self) -> Rows:
        """All rows at once, for an estimator that does not learn in batches.

        Raises:
            DataError: the file is missing, or another preprocessor made it.
        """
        features, target, weights = zip(*self.batches(), strict=True)
        weighted = [part for part in weights if part is not None]
        return Rows(np.concatenate(features), np.concatenate(target), np.concatenate(weighted) if weighted else None)

    @cached_property
    def _class_weights(self) -> np.ndarray | None:
        weights, target = self.contract.class_weights, self.contract.target
        if not self.weighted or weights is None:
            return None
        targets = FeatureFile(self.path, self.preprocessor).column(target)
        return weight_of_each_class(weights, self.preprocessor.classes, targets)


def weight_of_each_class(weights: ClassWeights, classes: Sequence[str], targets: Iterable[np.ndarray]) -> np.ndarray:
    """How much a row of each class counts; shape (classes,), float32.

    Args:
        weights: of the contract; a class that a mapping does not name counts 1.
        classes: the classes in the order of their indices.
        targets: the class indices of the rows, in parts; read only if the weights are to be balanced. A class of n rows
            out of N then gets N / (classes * n), as with scikit-learn's class_weight="balanced".
    """
    if isinstance(weights, tuple):
        given = dict(weights)
        return np.array([given.get(name, 1.0) for name in classes], dtype=np.float32)
    counts = np.zeros(len(classes), dtype=np.int64)
    for part in targets:
        counts += np.bincount(part.astype(np.int64), minlength=len(classes))
    return (counts.sum() / (len(classes) * np.maximum(counts, 1))).astype(np.float32)
