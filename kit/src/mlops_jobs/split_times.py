"""The times of a split by time: a datetime column in its form, else numbers or dates in ISO 8601."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.columns import DATETIME, Column
from mlops_jobs.datetimes import TimeForm, in_microseconds
from mlops_jobs.errors import DataError
from mlops_jobs.split_rule import SplitRule
from mlops_jobs.splitting import Splitter

FORMS_READ = "numbers, or dates such as 2024-01-31 or 2024-01-31T12:30:00 (with Z or +01:00 behind all or none)"


def _numbers(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.float64())


def _dates(texts: pa.Array) -> pa.Array:
    return in_microseconds(texts).cast(pa.timestamp("us")).cast(pa.int64())


def _zoned_dates(texts: pa.Array) -> pa.Array:
    return in_microseconds(texts).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())


def _instants(form: TimeForm, texts: pa.Array) -> pa.Array:
    return form.read(texts).cast(pa.int64())


FORMS: tuple[Callable[[pa.Array], pa.Array], ...] = (_numbers, _dates, _zoned_dates)


class TimeColumn:
    """Read the column of a split by time, in one form for all rows of all files.

    Args:
        rule: the contract's rule, by time.
        columns: the columns of the rows; one with the role datetime has its form in the contract.
    """

    def __init__(self, rule: SplitRule, columns: Iterable[Column] = ()) -> None:
        self._name = rule.column or ""
        declared = next((c for c in columns if c.name == self._name and c.role == DATETIME), None)
        self._forms = FORMS if declared is None else (partial(_instants, TimeForm(declared.format)),)
        self._read_words = FORMS_READ if declared is None else str(TimeForm(declared.format))
        self._form: Callable[[pa.Array], pa.Array] | None = None

    def read(self, column: pa.Array, file: str, rows_before: int) -> np.ndarray:
        """The times of a batch, comparable with those of every other; shape (n,), float64 or int64.

        Args:
            column: the cells as CsvStream reads them.
            file: the file, for messages.
            rows_before: the number of its rows before this batch.

        Raises:
            DataError: a cell is empty or in none of the forms, or in another than those before.
        """
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type):
            if column.null_count:
                row = rows_before + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]) + 1
                raise self._refusal("", file, row)
            return column.to_numpy()
        texts = pc.utf8_trim_whitespace(column)
        if self._form is None:
            self._form = next((form for form in self._forms if _reads(form, texts.slice(0, 1))), None)
        if self._form is None or not _reads(self._form, texts):
            bad = next(i for i in range(len(texts)) if not (self._form and _reads(self._form, texts.slice(i, 1))))
            raise self._refusal(texts[bad].as_py(), file, rows_before + bad + 1)
        return self._form(texts).to_numpy()

    def _refusal(self, text: str, file: str, row: int) -> DataError:
        return DataError(
            f"{file}: row {row}, column {self._name!r}: {text!r} cannot be compared with the times of other rows; the "
            f"split by time reads {self._read_words}, the same in every row"
        )


def _reads(form: Callable[[pa.Array], pa.Array], texts: pa.Array) -> bool:
    try:
        values = form(texts)
    except pa.ArrowInvalid:
        return False
    return not pa.types.is_floating(values.type) or bool(pc.all(pc.is_finite(values)).as_py())


def cut_points(times: Iterable[np.ndarray], splitter: Splitter, rule: SplitRule, where: str) -> tuple[float, float]:
    """The times at which validation and test begin: the newest rows test, the next newest validate.

    Rows of one time are on one side, so each share is the nearest that this allows. Where the test split has files of
    its own, the newest of the other rows validate and the test split begins at infinity.

    Raises:
        DataError: there are fewer different times than splits, or too many rows of the newest ones.
    """
    values, counts = np.unique(np.concatenate(list(times)), return_counts=True)
    rows_from = counts[::-1].cumsum()[::-1] / counts.sum()  # the share of the rows from each time on
    shares = [splitter.validation] if rule.test_files else [splitter.test, splitter.test + splitter.validation]
    if len(values) <= len(shares):
        raise DataError(
            f"{where}: column {rule.column!r} holds {len(values)} different times and the split by time needs "
            f"{len(shares) + 1}; add rows of other times, or split by row"
        )
    cuts: list[float] = [np.inf] if rule.test_files else []
    last = len(values)
    for place, share in enumerate(shares):
        first = len(shares) - place  # leaves a time for each split that is older
        candidates = rows_from[first:last]
        last = first + int(np.abs(candidates - share).argmin())
        cuts.insert(0, values[last].item())
    left, meant = 1 - rows_from[last], 1 - shares[-1]
    if left < meant / 2:  # what a few old rows teach would look like a model
        raise DataError(
            f"{where}: column {rule.column!r} holds so many rows of its newest times that {left:.0%} of the rows are "
            f"left to train with, instead of {meant:.0%}; add older rows, write the times more precisely, or split by "
            "row"
        )
    return cuts[0], cuts[1]
