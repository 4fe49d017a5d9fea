"""Fit a preprocessor and make the splits' features while the rows stream by, in memory that does not grow with them.

The CSV is read once. Medians and the order of categories are known only after it, so the rows to train and to validate
with are spooled to disk in binary, one file for each split: the second and third pass read the spools, at a fraction of
the cost of parsing again.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_diagnosis import place_of
from mlops_jobs.errors import DataError
from mlops_jobs.expected import Expected, normally_unseen
from mlops_jobs.giveaways import SampledRows, giveaways
from mlops_jobs.labelled_rows import LabelledBatch, LabelledRows
from mlops_jobs.median import StreamingMedian
from mlops_jobs.own_features import OwnFeatures
from mlops_jobs.preprocessor import Preprocessor, texts
from mlops_jobs.spellings import folded
from mlops_jobs.split_rule import ROW
from mlops_jobs.splitting import LEFT_OUT, MIN_ROWS, MIN_ROWS_OF_A_CLASS, NAMES, TRAIN, VALIDATION, RowSplits
from mlops_jobs.training_settings import check_weighted_classes

MAX_CATEGORIES = 10_000  # more distinct texts are no category but an id or free text
MAX_CLASSES = 1_000  # more distinct targets are no class but a quantity
Read = TypeVar("Read")


class Vocabulary:
    """The distinct texts of a column in order of appearance, and how often each came in the splits."""

    def __init__(self) -> None:
        self.code_of: dict[str, int] = {}
        self.total = np.zeros(0, dtype=np.int64)
        self.in_training = np.zeros(0, dtype=np.int64)
        self.in_validation = np.zeros(0, dtype=np.int64)

    def encode(self, column: pa.DictionaryArray) -> np.ndarray:
        """Give each text its code, new ones the next; shape (n,), int32."""
        codes = [self.code_of.setdefault(text, len(self.code_of)) for text in texts(column.dictionary)]
        return np.array(codes, dtype=np.int32)[column.indices.to_numpy()]

    def count(self, codes: np.ndarray, splits: np.ndarray) -> None:
        """Count the codes of a batch, whose rows are in these splits."""
        self.total = _grown(self.total, np.bincount(codes, minlength=len(self.code_of)))
        parts = (np.bincount(codes[splits == split], minlength=len(self.code_of)) for split in (TRAIN, VALIDATION))
        in_training, in_validation = parts
        self.in_training = _grown(self.in_training, in_training)
        self.in_validation = _grown(self.in_validation, in_validation)

    def count_of(self, codes: np.ndarray, text: str) -> int:
        """How often a text is among the codes of a batch."""
        return int(np.count_nonzero(codes == self.code_of[text])) if text in self.code_of else 0

    def known(self) -> tuple[str, ...]:
        """The texts that the training split holds, sorted, without the empty one."""
        seen = (text for text, code in self.code_of.items() if text and self.in_training[code])
        return tuple(sorted(seen))

    def normally_unseen(self, splits: np.ndarray) -> tuple[int, int]:
        """How many cells of healthy rows are in no row of the training split, and of how many; see `expected`.

        Args:
            splits: the rows of each split; shape (3,).
        """
        present = np.array([bool(text) for text in self.code_of], dtype=bool)
        return self._left_out(present & ~self._respelled(), splits)

    def normally_respelled(self, splits: np.ndarray) -> tuple[int, int]:
        """The same of cells that the training split has in another spelling, such as 65 and 00065."""
        return self._left_out(self._respelled(), splits)

    def _left_out(self, among: np.ndarray, splits: np.ndarray) -> tuple[int, int]:
        unseen = self.in_validation[(self.in_training == 0) & among].sum()
        single = np.count_nonzero((self.in_training == 1) & among)
        return normally_unseen(int(unseen), int(splits[VALIDATION]), single, int(splits[TRAIN]))

    def _respelled(self) -> np.ndarray:
        """Whether the training split has each text in another spelling."""
        spelled = [folded(text) for text in self.code_of]
        trained = (self.in_training > 0).tolist()
        spellings = Counter(spelling for spelling, known in zip(spelled, trained, strict=True) if known)
        others = (spellings[spelling] - known for spelling, known in zip(spelled, trained, strict=True))
        return np.array(
            [bool(text) and count > 0 for text, count in zip(self.code_of, others, strict=True)], dtype=bool
        )

    def recode(self, names: tuple[str, ...]) -> np.ndarray:
        """A table from codes to indices in `names`; NaN for what is not among them."""
        index_of = {name: float(index) for index, name in enumerate(names)}
        return np.array([index_of.get(text, np.nan) for text in self.code_of], dtype=np.float32)


class Spool:
    """Record batches on disk: written once, then read as often as needed.

    pyarrow opens the file itself: of a Python file object, a thread of its own could need the interpreter at its exit.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = str(path)
        self._writer = pa.ipc.new_stream(self._path, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows below those before."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Let what was written be read."""
        self._writer.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path) as file, pa.ipc.open_stream(file) as batches:
            yield from batches


class Fitter:
    """Learn from the training split of streamed rows; then give back the rows to train and validate with as features.

    The spools hold numbers as float32 with nulls for missing cells, and the codes of categories and classes.
    """

    def __init__(
        self,
        contract: Contract,
        splits: RowSplits,
        scratch: Path,
        own_features: OwnFeatures | None = None,
        files: Iterable[Path] = (),
    ) -> None:
        self.contract = contract
        self.own_features = own_features or OwnFeatures(contract)
        self.missing = dict.fromkeys(contract.features, 0)
        self._rows = np.zeros(LEFT_OUT + 1, dtype=np.int64)
        self._non_negative = dict.fromkeys(contract.numeric)
        self._splits = splits
        self._files = tuple(files)  # in which a class that is refused is looked up
        self._sample = SampledRows()
        self._medians = {name: StreamingMedian() for name in contract.numeric}
        self._vocabularies = {name: Vocabulary() for name in contract.categorical}
        self._classes = Vocabulary()
        names = (*contract.features, contract.target)
        coded = {*contract.categorical, *([contract.target] if contract.is_classification else [])}
        self._schema = pa.schema([(name, pa.int32() if name in coded else pa.float32()) for name in names])
        self.feature_schema = pa.schema([(name, pa.float32()) for name in names])
        self._scratch = tempfile.TemporaryDirectory(dir=scratch, prefix=".")
        self._spools = {
            split: Spool(Path(self._scratch.name) / f"{split}.arrow", self._schema) for split in (TRAIN, VALIDATION)
        }

    def __enter__(self) -> Fitter:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools.values():
            spool.close()
        self._scratch.cleanup()

    def add(self, batch: pa.RecordBatch, labelled: LabelledBatch) -> np.ndarray:
        """Take rows in, and return the split of each; shape (n,), int8.

        Args:
            batch: the rows with the team's own features added.
            labelled: the same rows with what decides their splits.
        """
        target, strata = self._target(batch)
        splits = self._splits.assign(labelled.keys, strata, labelled.times, is_test_file=labelled.is_test_file)
        if self.contract.is_classification:
            self._classes.count(strata, splits)
        self._rows += np.bincount(splits, minlength=len(self._rows))
        columns = [self._feature(name, batch.column(name), splits) for name in self.contract.features]
        rows = pa.record_batch([*columns, target], schema=self._schema)
        self._sample.add(labelled.content, batch.select([*self.contract.features, self.contract.target]))
        for split, spool in self._spools.items():
            spool.write(part := rows.filter(pa.array(splits == split)))
            if split == TRAIN:
                for name, median in self._medians.items():
                    median.count(_present(part.column(name)))
        return splits

    def class_order(self) -> list[int]:
        """The indices of the classes in the order of their names, which does not depend on that of the rows."""
        names = self._classes.code_of if self.contract.is_classification else {"": 0}
        return [names[name] for name in sorted(names)]

    def finish(self, where: str) -> Preprocessor:
        """Learn what needed all rows.

        Args:
            where: the data, for messages.

        Raises:
            DataError: too few rows, one class only, or a numeric column without a number in the training split.
        """
        for spool in self._spools.values():
            spool.close()
        classes = self._sorted_classes(where)
        for batch in self._spools[TRAIN] if self._medians else ():
            for name, median in self._medians.items():
                median.refine(_present(batch.column(name)))
        return Preprocessor(
            features=self.contract.features,
            medians={name: self._median(name, where) for name in self.contract.numeric},
            categories={name: vocabulary.known() for name, vocabulary in self._vocabularies.items()},
            classes=classes,
            own_features=self.own_features,
            expected=self._expected(),
        )

    def lacking_classes(self, where: str) -> dict[str, list[str]]:
        """The classes that a split lacks, by its name.

        Raises:
            DataError: a split is empty, or lacks a class that it must have: every class by row, both of a binary
                target.
        """
        names = list(self._classes.code_of) if self.contract.is_classification else [""]
        found: dict[str, list[str]] = {}
        for code, lacking in self._splits.lacking().items():
            for index in lacking:
                found.setdefault(NAMES[index], []).append(names[code])
        rule = self.contract.split
        for split, classes in found.items():
            is_strict = self.contract.problem_type != "multiclass" or (rule.by == ROW and not rule.test_files)
            if is_strict or len(classes) == len(names):
                raise DataError(_lacking(self.contract, split, sorted(classes), len(classes) == len(names), where))
        return {split: sorted(classes) for split, classes in sorted(found.items())}

    def giveaways(self) -> dict[str, str]:
        """The features that alone give the target away, each with the reason and the remedy."""
        return giveaways(self._sample.table(), self.contract)

    def features(self, split: int, preprocessor: Preprocessor) -> Iterator[pa.RecordBatch]:
        """Yield the rows to train or to validate with as features and encoded target."""
        recode = {name: self._vocabularies[name].recode(known) for name, known in preprocessor.categories.items()}
        if self.contract.is_classification:
            recode[self.contract.target] = self._classes.recode(preprocessor.classes)
        fill = {name: pa.scalar(median, pa.float32()) for name, median in preprocessor.medians.items()}
        absent = pa.scalar(np.nan, pa.float32())
        for batch in self._spools[split]:
            columns = []
            for name, column in zip(self._schema.names, batch.columns, strict=True):
                if name in recode:
                    column = pa.array(recode[name][column.to_numpy()])
                elif column.null_count:
                    column = pc.fill_null(column, fill.get(name, absent))
                columns.append(column)
            yield pa.record_batch(columns, schema=self.feature_schema)

    def _target(self, batch: pa.RecordBatch) -> tuple[pa.Array, np.ndarray]:
        column = batch.column(self.contract.target)
        if not self.contract.is_classification:
            return column.cast(pa.float32()), np.zeros(len(column), dtype=np.int64)
        codes = self._classes.encode(column)
        if len(self._classes.code_of) > MAX_CLASSES:
            one_more = list(self._classes.code_of)[MAX_CLASSES]
            raise DataError(
                f"column {self.contract.target!r} holds more than {MAX_CLASSES} classes; set problem_type to "
                f"regression in the contract if it is a quantity{_first(self._files, self.contract, one_more)}"
            )
        return pa.array(codes), codes

    def _expected(self) -> Expected:
        respelled = {name: known.normally_respelled(self._rows) for name, known in self._vocabularies.items()}
        return Expected(
            rows=int(self._rows.sum()),
            missing={name: count for name, count in self.missing.items() if count},
            unseen={name: known.normally_unseen(self._rows) for name, known in self._vocabularies.items()},
            non_negative=tuple(self._non_negative),
            respelled={name: found for name, found in respelled.items() if found[0]},
        )

    def _feature(self, name: str, column: pa.Array, splits: np.ndarray) -> pa.Array:
        if name not in self._vocabularies:
            self.missing[name] += column.null_count
            if name in self._non_negative and (pc.min(column).as_py() or 0.0) < 0:
                del self._non_negative[name]
            return column.cast(pa.float32())
        vocabulary = self._vocabularies[name]
        codes = vocabulary.encode(column)
        if len(vocabulary.code_of) > MAX_CATEGORIES:
            raise DataError(
                f"column {name!r} holds more than {MAX_CATEGORIES} distinct texts, too many for a category; "
                "give it the role ignored in the contract"
            )
        vocabulary.count(codes, splits)
        self.missing[name] += vocabulary.count_of(codes, "")
        return pa.array(codes)

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
        check_classes(self.contract, counts, where, self._files)
        ordered = order_classes(self.contract, tuple(counts), where, self._files)
        check_weighted_classes(self.contract.class_weights, ordered, where)
        return ordered


@contextmanager
def settled_fitter(
    labelled: LabelledRows, new_fitter: Callable[[RowSplits], Fitter], read: Callable[[Fitter], Read]
) -> Iterator[tuple[Fitter, Read]]:
    """A fitter that has taken in all rows, read once more where their splits are settled only after the first reading.

    Args:
        labelled: the rows.
        new_fitter: makes a fitter for their splits.
        read: hands all rows to a fitter, and returns what it found.

    Yields:
        the fitter, and what the last reading found.
    """
    while True:
        with new_fitter(labelled.splits) as fitter:
            found = read(fitter)
            if not labelled.settle(fitter.class_order()):
                yield fitter, found
                return


def check_classes(contract: Contract, counts: Mapping[str, int], where: str, paths: Iterable[Path] = ()) -> None:
    """Raise DataError where there is one class only, or a class in fewer rows than the split needs.

    Args:
        contract: the contract of the rows.
        counts: the rows of each class.
        where: the rows, for messages.
        paths: their files, in which a class that is refused is looked up.
    """
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
            f"{MIN_ROWS_OF_A_CLASS}; add rows of that class or remove it{_first(paths, contract, rarest)}"
        )


def _first(paths: Iterable[Path], contract: Contract, name: str) -> str:
    place = place_of(paths, contract, name)
    return f" (first in {place})" if place else ""


def _lacking(contract: Contract, split: str, classes: list[str], is_empty: bool, where: str) -> str:
    rule = contract.split
    what = "no row" if is_empty else f"no row of the class {classes[0]!r}"
    if rule.by == ROW and not rule.test_files:
        return (
            f"{where}: the {split} split has {what}: rows that hold the same cells are in one split, and there are "
            "fewer different ones than splits; add rows, or give each row an id"
        )
    by = f"test_files {rule.test_files!r}" if rule.test_files else f"split by {rule.by} ({rule.column!r})"
    return f"{where}: the {split} split has {what} with the {by} of the contract; add rows, or choose another split"


def check_row_count(rows: int, where: str) -> None:
    """Raise DataError where there are fewer rows than the split needs."""
    if rows < MIN_ROWS:
        raise DataError(f"{where}: has {rows} rows and the split needs {MIN_ROWS}; add rows")


def order_classes(
    contract: Contract, names: tuple[str, ...], where: str, paths: Iterable[Path] = ()
) -> tuple[str, ...]:
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
            f"{_first(paths, contract, names[2])}"
        )
    positive = ordered[-1] if contract.positive_class is None else contract.positive_class
    if positive not in ordered:
        raise DataError(
            f"{where}: column {contract.target!r} never holds the positive_class {positive!r} of the contract "
            f"but {' and '.join(ordered)}; correct one of them"
        )
    return (*(name for name in ordered if name != positive), positive)


def _present(column: pa.Array) -> np.ndarray:
    return column.drop_null().to_numpy() if column.null_count else column.to_numpy()


def _grown(counts: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Add counts to those of fewer codes."""
    grown = more.astype(np.int64)
    grown[: len(counts)] += counts
    return grown
