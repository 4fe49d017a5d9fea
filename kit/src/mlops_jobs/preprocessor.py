"""The preprocessor: what was learned from the training split, applied unchanged to every row from then on.

Numeric cells that are missing get the median of the training split. A category becomes its index in the sorted
categories of the training split; one that is empty or was not seen there becomes NaN, which a model takes for missing,
and so do a missing date and a missing truth value. So a model always sees the same columns, in the same order, whatever
a file to predict holds.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_diagnosis import place_of
from mlops_jobs.errors import UserError
from mlops_jobs.expected import Expected
from mlops_jobs.own_features import FILE, OwnFeatures


@dataclass
class Tally:
    """What was handled in the rows so far, by column; for the report."""

    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        """The tally for a JSON report."""
        return {
            "missing_cells": dict(self.missing),
            "unseen_categories": dict(self.unseen),
            "rows": self.rows,
        }


@dataclass(frozen=True)
class Preprocessor:
    """A fitted preprocessor.

    Attributes:
        features: the model's columns in order.
        medians: what a missing cell of a numeric column gets.
        categories: the sorted categories of each categorical column.
        classes: the sorted classes of the target, for binary with the positive one last; empty for a regression.
        own_features: adds the team's own columns to raw rows.
        expected: what healthy rows look like; None for a preprocessor of release 0.4.0 or older.
    """

    features: tuple[str, ...]
    medians: Mapping[str, float]
    categories: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...]
    own_features: OwnFeatures = field(default_factory=OwnFeatures, compare=False)
    expected: Expected | None = None

    @property
    def fingerprint(self) -> str:
        """Identifies the preprocessor in the files of features that it made."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def transform(self, batch: pa.RecordBatch, tally: Tally | None = None) -> np.ndarray:
        """Turn raw rows into features.

        Args:
            batch: n rows with the raw columns of the contract, as CsvStream yields them.
            tally: counts what was handled, where given.

        Returns:
            shape (n, features), float32, in row order.

        Raises:
            DataError: the team's own features cannot be computed for a row.
        """
        batch = self.own_features.add(batch)
        tally = Tally() if tally is None else tally
        tally.rows += batch.num_rows
        matrix = np.empty((batch.num_rows, len(self.features)), dtype=np.float32)
        for index, name in enumerate(self.features):
            if name in self.categories:
                matrix[:, index] = self._codes(name, batch.column(name), tally)
            else:
                matrix[:, index] = self._numbers(name, batch.column(name), tally)
        return matrix

    def class_indices(self, labels: pa.DictionaryArray, path: Path, contract: Contract) -> np.ndarray:
        """Turn class labels into indices of `classes`; shape (n,), int64.

        Args:
            labels: of n rows.
            path: the file that they come from, and
            contract: what its rows are, for messages.

        Raises:
            UserError: a label is none of the classes that the model was trained on.
        """
        index_of = {name: index for index, name in enumerate(self.classes)}
        names = texts(labels.dictionary)
        used = np.unique(labels.indices.to_numpy())
        unknown = [names[i] for i in used if names[i] not in index_of]
        if unknown:
            known = ", ".join(self.classes)
            place = place_of([path], contract, unknown[0], contract.labelled_columns) or str(path)
            raise UserError(
                f"{place}, column {contract.target!r}: {unknown[0]!r} is not a class of the model ({known}); "
                "retrain or correct it"
            )
        lookup = np.array([index_of.get(name, -1) for name in names], dtype=np.int64)
        return lookup[labels.indices.to_numpy()]

    def to_json(self) -> str:
        """The preprocessor as JSON text, the same text for the same preprocessor."""
        content = {
            "features": self.features,
            "medians": dict(self.medians),
            "categories": {name: list(known) for name, known in self.categories.items()},
            "classes": self.classes,
            **({"own_features": self.own_features.fingerprint} if self.own_features.source else {}),
            **({"expected": self.expected.as_dict()} if self.expected else {}),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def _numbers(self, name: str, column: pa.Array, tally: Tally) -> np.ndarray:
        if column.null_count:
            tally.missing[name] += column.null_count
            if name in self.medians:
                column = pc.fill_null(column, self.medians[name])
        return numbers(column)

    def _codes(self, name: str, column: pa.DictionaryArray, tally: Tally) -> np.ndarray:
        code_of = {category: code for code, category in enumerate(self.categories[name])}
        names = texts(column.dictionary)
        indices = column.indices.to_numpy()
        for category, count in zip(names, np.bincount(indices, minlength=len(names)), strict=True):
            if count and category not in code_of:
                (tally.unseen if category else tally.missing)[name] += int(count)
        return np.array([code_of.get(category, np.nan) for category in names], dtype=np.float32)[indices]


def load_preprocessor(text: str | bytes, contract: Contract, own_features: OwnFeatures) -> Preprocessor:
    """Read a preprocessor that was fitted under this contract, with these features of the team's own.

    Raises:
        UserError: it is not a preprocessor, or one of other columns or features.
    """
    try:
        raw = json.loads(text)
        preprocessor = Preprocessor(
            features=tuple(raw["features"]),
            medians=raw["medians"],
            categories={name: tuple(known) for name, known in raw["categories"].items()},
            classes=tuple(raw["classes"]),
            own_features=own_features,
            expected=Expected.from_dict(raw["expected"]) if "expected" in raw else None,
        )
        fingerprint = raw.get("own_features", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the preprocessor cannot be read ({error!r}); fit it again with preprocess.py fit") from error
    if preprocessor.features != contract.features:
        raise UserError(
            f"the preprocessor was fitted on the columns {', '.join(preprocessor.features)} and the contract has "
            f"{', '.join(contract.features)}; fit it again with preprocess.py fit"
        )
    if fingerprint != own_features.fingerprint:
        raise UserError(f"the preprocessor was fitted with another {FILE}; fit it again with preprocess.py fit")
    return preprocessor


def numbers(column: pa.Array) -> np.ndarray:
    """A numeric column as float32, NaN for missing; shape (n,), read-only."""
    return column.cast(pa.float32()).to_numpy(zero_copy_only=False)


def texts(values: pa.Array) -> list[str]:
    """The texts of a string array without the spaces around them."""
    return pc.utf8_trim_whitespace(values).to_pylist()
