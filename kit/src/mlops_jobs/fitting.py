"""Fit a preprocessor and make the splits' features while the rows stream by, in memory that does not grow with them.

The CSV is read once. What the first reading cannot know yet (medians, the order of categories) is why its rows are
spooled to disk in binary: the second and third pass read the spool, at a fraction of the cost of parsing again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError
from mlops_jobs.median import StreamingMedian
from mlops_jobs.own_features import OwnFeatures
from mlops_jobs.preprocessor import Preprocessor, numbers, texts
from mlops_jobs.splitting import MIN_ROWS, MIN_ROWS_OF_A_CLASS, TRAIN, Splitter

MAX_CATEGORIES = 10_000  # more distinct texts are no category but an id or free text
MAX_CLASSES = 1_000  # more distinct targets are no class but a quantity
SPLIT = "[split]"  # a name that no column can have


class Vocabulary:
    """The distinct texts of a column in order of appearance, and how often each came in the training split."""

    def __init__(self) -> None:
        self.code_of: dict[str, int] = {}
        self.total = np.zeros(0, dtype=np.int64)
        self.in_training = np.zeros(0, dtype=np.int64)

    def encode(self, column: pa.DictionaryArray) -> np.ndarray:
        """Give each text its code, new ones the next; shape (n,), int64."""
        codes = [self.code_of.setdefault(text, len(self.code_of)) for text in texts(column.dictionary)]
        return np.array(codes, dtype=np.int64)[column.indices.to_numpy()]

    def count(self, codes: np.ndarray, training: np.ndarray) -> None:
        """Count the codes of a batch; `training` tells which rows are in the training split."""
        self.total = _grown(self.total, np.bincount(codes, minlength=len(self.code_of)))
        self.in_training = _grown(self.in_training, np.bincount(codes[training], minlength=len(self.code_of)))

    def known(self) -> tuple[str, ...]:
        """The texts that the training split holds, sorted, without the empty one."""
        seen = (text for text, code in self.code_of.items() if text and self.in_training[code])
        return tuple(sorted(seen))

    def recode(self, names: tuple[str, ...]) -> np.ndarray:
        """A table from codes to indices in `names`; NaN for what is not among them."""
        index_of = {name: float(index) for index, name in enumerate(names)}
        return np.array([index_of.get(text, np.nan) for text in self.code_of], dtype=np.float32)


class Fitter:
    """Learn from the training split of streamed rows; then give back all rows as features."""

    def __init__(
        self, contract: Contract, splitter: Splitter, scratch: Path, own_features: OwnFeatures | None = None
    ) -> None:
        self.contract = contract
        self.own_features = own_features or OwnFeatures()
        self.missing = dict.fromkeys(contract.features, 0)
        self._splitter = splitter
        self._medians = {name: StreamingMedian() for name in contract.numeric}
        self._vocabularies = {name: Vocabulary() for name in contract.categorical}
        self._classes = Vocabulary()
        self._schema = pa.schema(
            [(name, pa.float32()) for name in (*contract.features, contract.target)] + [(SPLIT, pa.int8())]
        )
        self.feature_schema = pa.schema(list(self._schema)[:-1])
        self._scratch = tempfile.TemporaryDirectory(dir=scratch, prefix=".")
        self._file = Path(self._scratch.name) / "spool.arrow"
        self._spool = pa.ipc.new_stream(self._file, self._schema)

    def __enter__(self) -> Fitter:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()
        self._scratch.cleanup()

    def add(self, batch: pa.RecordBatch) -> np.ndarray:
        """Take in rows as CsvStream gives them, and return the split of each; shape (n,), int8."""
        target, strata = self._target(batch)
        splits = self._splitter.assign(strata)
        training = splits == TRAIN
        if self.contract.is_classification:
            self._classes.count(strata, training)
        columns = [self._feature(name, batch, training) for name in self.contract.features]
        self._spool.write_batch(pa.record_batch([*columns, target, pa.array(splits)], schema=self._schema))
        return splits

    def finish(self, where: str) -> Preprocessor:
        """Learn what needed all rows.

        Args:
            where: the data, for messages.

        Raises:
            DataError: too few rows, one class only, or a numeric column without a number in the training split.
        """
        self._spool.close()
        classes = self._sorted_classes(where)
        for batch in self._spooled():
            training = batch.column(SPLIT).to_numpy() == TRAIN
            for name, median in self._medians.items():
                median.refine(_present(batch.column(name).to_numpy()[training]))
        return Preprocessor(
            features=self.contract.features,
            medians={name: self._median(name, where) for name in self.contract.numeric},
            categories={name: vocabulary.known() for name, vocabulary in self._vocabularies.items()},
            classes=classes,
            own_features=self.own_features,
        )

    def features(self, preprocessor: Preprocessor) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Yield all rows as features and encoded target, with the split of each row."""
        recode = {name: self._vocabularies[name].recode(known) for name, known in preprocessor.categories.items()}
        if self.contract.is_classification:
            recode[self.contract.target] = self._classes.recode(preprocessor.classes)
        for batch in self._spooled():
            columns = []
            for name in self.feature_schema.names:
                values = batch.column(name).to_numpy()
                if name in recode:
                    values = recode[name][values.astype(np.int64)]
                elif name in preprocessor.medians:
                    values = np.where(np.isnan(values), np.float32(preprocessor.medians[name]), values)
                columns.append(pa.array(values))
            yield pa.record_batch(columns, schema=self.feature_schema), batch.column(SPLIT).to_numpy()

    def _spooled(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self._file)) as file, pa.ipc.open_stream(file) as batches:
            yield from batches

    def _target(self, batch: pa.RecordBatch) -> tuple[pa.Array, np.ndarray]:
        column = batch.column(self.contract.target)
        if self.contract.is_classification:
            codes = self._classes.encode(column)
            if len(self._classes.code_of) > MAX_CLASSES:
                raise DataError(
                    f"column {self.contract.target!r} holds more than {MAX_CLASSES} classes; "
                    "set problem_type to regression in the contract if it is a quantity"
                )
            return pa.array(codes.astype(np.float32)), codes
        values = column.to_numpy(zero_copy_only=False).astype(np.float32)
        return pa.array(values), np.zeros(len(values), dtype=np.int64)

    def _feature(self, name: str, batch: pa.RecordBatch, training: np.ndarray) -> pa.Array:
        column = batch.column(name)
        if name in self._medians:
            values = numbers(column).astype(np.float32)
            self.missing[name] += column.null_count
            self._medians[name].count(_present(values[training]))
            return pa.array(values)
        vocabulary = self._vocabularies[name]
        codes = vocabulary.encode(column)
        if len(vocabulary.code_of) > MAX_CATEGORIES:
            raise DataError(
                f"column {name!r} holds more than {MAX_CATEGORIES} distinct texts; it is no category: "
                "give it the role ignored in the contract"
            )
        vocabulary.count(codes, training)
        self.missing[name] += int((codes == vocabulary.code_of.get("", -1)).sum())
        return pa.array(codes.astype(np.float32))

    def _median(self, name: str, where: str) -> float:
        median = self._medians[name].result()
        if median is None:
            raise DataError(
                f"{where}: column {name!r} holds no number in the training split; fill it, "
                "or give it the role ignored in the contract"
            )
        return median

    def _sorted_classes(self, where: str) -> tuple[str, ...]:
        if not self.contract.is_classification:
            return ()
        counts = dict(zip(self._classes.code_of, self._classes.total.tolist(), strict=True))
        check_classes(self.contract, counts, where)
        return order_classes(self.contract, tuple(counts), where)


def check_classes(contract: Contract, counts: Mapping[str, int], where: str) -> None:
    """Raise DataError where there is one class only, or a class in fewer rows than the split needs."""
    if not contract.is_classification:
        return
    target = contract.target
    if len(counts) == 1:
        raise DataError(
            f"{where}: column {target!r} holds one class only ({next(iter(counts))!r}); add rows of another"
        )
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < MIN_ROWS_OF_A_CLASS:
        raise DataError(
            f"{where}: column {target!r} holds the class {rarest!r} in {counts[rarest]} rows and the split needs "
            f"{MIN_ROWS_OF_A_CLASS}; add rows of that class or remove it"
        )


def check_row_count(rows: int, where: str) -> None:
    """Raise DataError where there are fewer rows than the split needs."""
    if rows < MIN_ROWS:
        raise DataError(f"{where}: has {rows} rows and the split needs {MIN_ROWS}; add rows")


def order_classes(contract: Contract, names: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Sort classes, as numbers where they are; for binary with the positive class last.

    Raises:
        DataError: a binary target has more than two classes, or not the positive class of the contract.
    """
    try:
        ordered = sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        ordered = sorted(names)
    if contract.problem_type != "binary":
        return tuple(ordered)
    if len(ordered) > 2:
        raise DataError(
            f"{where}: column {contract.target!r} holds {len(ordered)} classes ({', '.join(ordered[:3])} ...) and "
            "problem_type is binary; set it to multiclass in the contract or correct the rows"
        )
    positive = ordered[-1] if contract.positive_class is None else contract.positive_class
    if positive not in ordered:
        raise DataError(
            f"{where}: column {contract.target!r} never holds the positive_class {positive!r} of the contract "
            f"but {' and '.join(ordered)}; correct one of them"
        )
    return (*(name for name in ordered if name != positive), positive)


def _present(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _grown(counts: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Add counts to those of fewer codes."""
    grown = more.astype(np.int64)
    grown[: len(counts)] += counts
    return grown
