"""Stream the labelled rows of some files together with what decides their splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.csv_diagnosis import diagnose
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError
from mlops_jobs.missing_cells import missing_classes
from mlops_jobs.repeated_rows import Occurrences, RepeatedRows
from mlops_jobs.row_hashes import cell_hashes, mixed, row_hashes, text_hashes
from mlops_jobs.split_rule import GROUP, TIME
from mlops_jobs.split_times import TimeColumn, cut_points
from mlops_jobs.splitting import RowSplits, Splitter
from mlops_jobs.unique_ids import UniqueIds


@dataclass(frozen=True)
class LabelledBatch:
    """Some rows of one file.

    Attributes:
        rows: the rows, with the contract's split_columns.
        content: the hash of each row's cells without the id; shape (n,), uint64.
        keys: the hash of what the split of each row follows from; shape (n,), uint64.
        times: the time of each row where the split is by time; shape (n,).
        is_test_file: whether the file is the test split.
    """

    rows: pa.RecordBatch
    content: np.ndarray
    keys: np.ndarray
    times: np.ndarray | None
    is_test_file: bool


class LabelledRows:
    """The labelled rows of some files; may be read several times.

    Attributes:
        splits: assigns the rows to the splits.
        forms: the form of each file, once it has been read.
        repeated: the rows that hold the same cells as an earlier one, once they have been read.

    Args:
        paths: the files.
        contract: what the rows are, and how they are split.
        splitter: the seed and the shares.
        where: the data, for messages.

    Raises:
        DataError: the files do not fit the contract's split: no test file, only test files, too few times.
    """

    def __init__(self, paths: Sequence[Path], contract: Contract, splitter: Splitter, where: str) -> None:
        self._contract, self._rule = contract, contract.split
        self._paths = self._test_files_first(paths, where)
        self._tells_repeated_rows_apart = False
        self._times = TimeColumn(self._rule, contract.columns) if self._rule.by == TIME else None
        cuts = cut_points(self._all_times(), splitter, self._rule, where) if self._times else None
        self.splits = RowSplits(
            splitter,
            # of one row, r2 is not defined
            rows_of_each=1 if contract.is_classification or self._rule.by == GROUP else 2,
            has_test_files=self._rule.test_files is not None,
            cuts=cuts,
        )

    def __iter__(self) -> Iterator[LabelledBatch]:
        self.forms: dict[str, Any] = {}
        self.repeated, self._ids, self._occurrences = RepeatedRows(), UniqueIds(), Occurrences()
        names = [name for name in self._contract.labelled_columns if name != self._contract.id]
        for path in self._paths:
            stream, rows_before = self._stream(path, self._contract.split_columns), 0
            self.forms[path.name] = asdict(stream.form)
            self.repeated.begin(path)
            for batch in stream:
                content = row_hashes(batch, names)
                self.repeated.add(content)
                yield LabelledBatch(
                    rows=batch,
                    content=content,
                    keys=self._keys(batch, content, path, rows_before),
                    times=self._times_of(batch, path, rows_before),
                    is_test_file=self._rule.is_test_file(path.name),
                )
                rows_before += batch.num_rows
        if self._ids.repeated():
            self._refuse_repeated_ids()

    def settle(self, order: Iterable[int]) -> bool:
        """Whether the rows have to be read and assigned once more, now that all are known.

        Rows that hold the same cells are in one split. But where few combinations of cells come over and over, as in a
        table of a few categories, that would leave whole combinations out of training: then each row is split by
        itself.

        Args:
            order: the indices of the classes, in an order that does not depend on that of the rows.
        """
        by_content = self._contract.id is None and self._rule.by != GROUP
        if by_content and not self._tells_repeated_rows_apart and self.repeated.are_few_over_and_over():
            self._tells_repeated_rows_apart = True
            self.splits.reset()
            return True
        return self.splits.settle(order)

    def repeated_rows(self) -> dict[str, object]:
        """How many rows hold the same cells as an earlier one, where the first are, and how they are split."""
        found = self.repeated.as_dict()
        if found["rows"] and self._rule.by in (GROUP, TIME):
            return found | {"split": f"each by its {self._rule.by}, column {self._rule.column!r}"}
        if self._tells_repeated_rows_apart:
            return found | {"split": "each by itself, since few different rows come over and over"}
        return found

    def _keys(self, batch: pa.RecordBatch, content: np.ndarray, path: Path, rows_before: int) -> np.ndarray:
        ids = text_hashes(batch.column(self._contract.id)) if self._contract.id else None
        if ids is not None:
            self._ids.add(ids)
        if self._rule.by == GROUP and self._rule.column:
            column = batch.column(self._rule.column)
            self._refuse_empty_group(column, path, rows_before)
            return mixed(cell_hashes(column))
        if ids is not None:
            return ids
        return self._occurrences.keys(content) if self._tells_repeated_rows_apart else content

    def _times_of(self, batch: pa.RecordBatch, path: Path, rows_before: int) -> np.ndarray | None:
        if self._times is None or self._rule.column is None:
            return None
        return self._times.read(batch.column(self._rule.column), str(path), rows_before)

    def _all_times(self) -> Iterator[np.ndarray]:
        """First pass of a split by time: the times of all rows that are in no test file."""
        for path in self._paths:
            rows_before = 0
            for batch in self._stream(path, (str(self._rule.column),)):
                times = self._times_of(batch, path, rows_before)
                rows_before += batch.num_rows
                if times is not None and not self._rule.is_test_file(path.name):
                    yield times

    def _stream(self, path: Path, read: tuple[str, ...]) -> CsvStream:
        return CsvStream(path, self._contract, self._contract.file_columns(labelled=True), read)

    def _test_files_first(self, paths: Sequence[Path], where: str) -> list[Path]:
        pattern = self._rule.test_files
        found = [path for path in paths if self._rule.is_test_file(path.name)]
        if pattern is not None and len(found) in (0, len(paths)):
            names = ", ".join(path.name for path in paths)
            problem = "every file is" if found else "no file is"
            raise DataError(
                f"{where}: {problem} of the name {pattern!r} (split.test_files of the contract); there are {names}; "
                "add a file of the other kind or correct the contract"
            )
        return [*found, *(path for path in paths if path not in found)]

    def _refuse_empty_group(self, column: pa.Array, path: Path, rows_before: int) -> None:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type):
            missing = pc.is_null(column)
        else:
            column = pc.utf8_trim_whitespace(column)
            missing = pc.is_in(column, pa.array(missing_classes(self._contract)))
        if pc.any(missing).as_py():
            index = int(np.flatnonzero(missing.to_numpy(zero_copy_only=False))[0])
            text = column[index].as_py()
            found, remedy = "empty", ""
            if text:
                found, remedy = f"missing ({text!r})", f", or take {text!r} off csv.missing if it is a group"
            raise DataError(
                f"{path}: row {rows_before + index + 1}, column {self._rule.column!r}: the cell is {found}, and the "
                f"split by group needs the group of every row; fill it in or remove the row{remedy}"
            )

    def _refuse_repeated_ids(self) -> None:
        seen: dict[str, str] = {}
        for path in self._paths:
            if fault := diagnose(path, self._contract, self._contract.file_columns(labelled=True), seen):
                raise DataError(fault)
