"""Stream a CSV file that keeps the contract, in typed batches, with memory that does not grow with the file.

pyarrow reads; nothing is copied row by row in Python. Where it refuses a file, or a batch breaks a rule, the file is
read once more by csv_diagnosis, slowly, to find the first fault and describe it in one sentence.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mlops_jobs.columns import Column
from mlops_jobs.contract import Contract
from mlops_jobs.csv_diagnosis import FLOAT32_MAX, diagnose
from mlops_jobs.errors import ColumnsError, DataError
from mlops_jobs.missing_cells import missing_classes, missing_texts
from mlops_jobs.number_text import BLANKS, THOUSANDS
from mlops_jobs.read_ahead import read_ahead
from mlops_jobs.typed_columns import TYPED, are_all_read, form_of, present_texts

BLOCK_BYTES = 1 << 20  # as fast as larger ones, and what waits in the readers' queues stays small
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class CsvForm:
    """The form of a file, as the report shows it; both are handled."""

    bom: bool
    crlf: bool


class CsvStream:
    """The rows of one CSV file, in batches of the given columns in the order of the contract.

    A batch holds numeric columns (and a regression's target) as float64 with nulls for missing cells, categorical
    columns and class labels as dictionary<string>, ids as string. Dates and truth values are dictionary<string> too,
    checked and trimmed, with an empty text for a missing cell; `typed` makes values of them. Ignored columns are not
    read.

    Args:
        path: the file.
        contract: what its rows are.
        columns: all columns that the file must hold, in the order they have where there is no header.
        read: those to read, an ignored one as text; None for all that are not ignored.
    """

    def __init__(
        self, path: str | Path, contract: Contract, columns: tuple[str, ...], read: Collection[str] | None = None
    ) -> None:
        self.path = Path(path)
        self.contract = contract
        self.columns = columns
        self.form, self._names = _check_start(self.path, contract, columns)
        roles = {column.name: column.role for column in contract.columns}
        self._types = {
            name: _arrow_type(contract, roles[name])
            for name in columns
            if (roles[name] != "ignored" if read is None else name in read)
        }
        self._missing = sorted(missing_texts(contract))
        self._typed = [column for column in contract.columns if column.role in TYPED and column.name in self._types]
        self._may_repeat_header = True

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = 0
        try:
            for batch in read_ahead(self._open()):
                if batch.num_rows:
                    rows += batch.num_rows
                    yield self._checked(batch)
        except pa.ArrowInvalid as error:
            self.explain(str(error))
        if rows == 0:
            raise DataError(f"{self.path}: has a header and no row below it; add rows or remove the file")

    def explain(self, fallback: str) -> NoReturn:
        """Read the file again, and raise an error that describes its first fault.

        Raises:
            DataError: always.
        """
        raise DataError(diagnose(self.path, self.contract, self.columns) or f"{self.path}: {fallback}")

    def _open(self) -> pa.csv.CSVStreamingReader:
        skipped = 1 if self.contract.header else 0  # the header was read, and its names are trimmed
        return pa.csv.open_csv(
            self.path,
            read_options=pa.csv.ReadOptions(block_size=BLOCK_BYTES, column_names=self._names, skip_rows=skipped),
            # in a file of one column an empty line is a row: its cell is missing
            parse_options=pa.csv.ParseOptions(
                delimiter=self.contract.delimiter, ignore_empty_lines=len(self.columns) > 1
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types={name: self._type_to_read(type_) for name, type_ in self._types.items()},
                include_columns=list(self._types),
                null_values=self._missing,
                strings_can_be_null=False,
                decimal_point=self.contract.decimal,
            ),
        )

    def _type_to_read(self, type_: pa.DataType) -> pa.DataType:
        """The type that pyarrow reads a column as; it reads no number with a mark between thousands."""
        return pa.string() if self.contract.thousands and pa.types.is_floating(type_) else type_

    def _has_missing(self, classes: pa.StringArray) -> bool:
        missing = pa.array(missing_classes(self.contract))
        return bool(pc.any(pc.is_in(pc.utf8_trim_whitespace(classes), missing)).as_py())

    def _numbers(self, name: str, texts: pa.StringArray) -> pa.DoubleArray:
        """Texts with marks between thousands as numbers, nulls for missing cells."""
        notation = self.contract.notation
        texts = pc.if_else(pc.is_in(texts, pa.array(self._missing)), None, texts)
        texts = pc.utf8_trim(texts, BLANKS)
        if not pc.all(pc.match_substring_regex(texts, rf"\A{notation.pattern}\z"), min_count=0).as_py():
            self.explain(f"a cell of column {name!r} is not a number")
        for mark in THOUSANDS[notation.thousands or ""]:
            if pc.any(pc.match_substring(texts, mark)).as_py():
                texts = pc.replace_substring(texts, mark, "")
        return pc.replace_substring(texts, notation.decimal, ".").cast(pa.float64())

    def _with_checked_texts(self, batch: pa.RecordBatch, column: Column) -> pa.RecordBatch:
        place = batch.schema.get_field_index(column.name)
        coded = batch.column(place)
        texts = present_texts(coded.dictionary, self.contract)
        if not are_all_read(texts, column):
            self.explain(f"a cell of column {column.name!r} is not {form_of(column)}")
        return batch.set_column(place, column.name, pa.DictionaryArray.from_arrays(coded.indices, texts))

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch, if it keeps the rules, with its numbers as such and its ids without the spaces around them."""
        for name in batch.schema.names if self.contract.thousands else ():
            if pa.types.is_floating(self._types[name]):
                place = batch.schema.get_field_index(name)
                batch = batch.set_column(place, name, self._numbers(name, batch.column(name)))
        if self._may_repeat_header and _repeats_header(batch):
            if fault := diagnose(self.path, self.contract, self.columns):
                raise DataError(fault)
            self._may_repeat_header = False  # the columns that are not read differ from their names
        for typed_column in self._typed:
            batch = self._with_checked_texts(batch, typed_column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_floating(column.type):
                values = (column.fill_null(0.0) if column.null_count else column).to_numpy()
                if not (values.min() >= -FLOAT32_MAX and values.max() <= FLOAT32_MAX):  # or NaN
                    self.explain(f"column {name!r} holds an infinite value; correct it or leave the cell empty")
                if name == self.contract.target and column.null_count:
                    self.explain(f"the target {name!r} is missing in a row")
            elif _has_line_break(column):  # a row must stay a line: a batch transform cuts between lines
                self.explain(f"a cell of column {name!r} spans several lines; remove its line breaks")
            elif name == self.contract.target and self._has_missing(column.dictionary):
                self.explain(f"the target {name!r} is missing in a row")
            elif name == self.contract.id:
                ids = pc.utf8_trim_whitespace(column)
                if pc.any(pc.equal(ids, "")).as_py():
                    self.explain(f"the id {name!r} is missing in a row")
                batch = batch.set_column(batch.schema.get_field_index(name), name, ids)
        return batch


def _arrow_type(contract: Contract, role: str) -> pa.DataType:
    if role == "numeric" or (role == "target" and not contract.is_classification):
        return pa.float64()
    return pa.string() if role in ("id", "input", "ignored") else pa.dictionary(pa.int32(), pa.string())


def _repeats_header(batch: pa.RecordBatch) -> bool:
    """Whether a row holds nothing but the names of the columns read, as between two files that were put together.

    A column of numbers cannot hold its name, and a dictionary shows at once whether it does: of most files no cell is
    read for this.
    """
    if any(pa.types.is_floating(column.type) for column in batch.columns):
        return False
    coded = [name for name in batch.schema.names if pa.types.is_dictionary(batch.column(name).type)]
    if not all(pc.any(_equals(batch.column(name).dictionary, name)).as_py() for name in coded):
        return False
    rows = pa.array([True] * batch.num_rows)
    for name in batch.schema.names:
        column = batch.column(name)
        rows = pc.and_(rows, _equals(column.cast(pa.string()), name))
    return bool(pc.any(rows).as_py())


def _equals(texts: pa.Array, text: str) -> pa.Array:
    return pc.equal(pc.utf8_trim_whitespace(texts), text)


def _has_line_break(column: pa.Array) -> bool:
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    return bool(pc.any(pc.match_substring_regex(texts, "[\r\n]")).as_py())


def _check_start(path: Path, contract: Contract, columns: tuple[str, ...]) -> tuple[CsvForm, list[str]]:
    """Check the first line, which shows most faults of a whole file.

    Returns:
        the form of the file, and the names of its columns in order.

    Raises:
        DataError: the file is empty or is not text.
        ColumnsError: it has other columns than the contract.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the path of a CSV file") from error
    if not head.removeprefix(BOM).strip():
        raise DataError(f"{path}: is empty; give a file with rows")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(file, delimiter=contract.delimiter)) or [""]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(diagnose(path, contract, columns) or f"{path}: is not a CSV file in UTF-8") from error
    first = [cell.strip() for cell in first]
    _check_columns(path, contract, columns, first)
    return CsvForm(bom=head.startswith(BOM), crlf=b"\r\n" in head), first if contract.header else list(columns)


def _check_columns(path: Path, contract: Contract, columns: tuple[str, ...], first: list[str]) -> None:
    if len(first) == 1 and len(columns) > 1:
        other = next((mark for mark in ",;\t|" if mark != contract.delimiter and mark in first[0]), None)
        if other:
            raise ColumnsError(
                f"{path}: row 1 has no {contract.delimiter!r} and many {other!r}; "
                f"set csv.delimiter to {other!r} in the contract or save the file with {contract.delimiter!r}"
            )
    if not contract.header:
        if set(first) <= set(columns):
            raise ColumnsError(
                f"{path}: row 1 holds column names ({', '.join(first)}) and csv.header is false in the contract; "
                "remove the row, or set csv.header to true"
            )
        if len(first) != len(columns):
            raise ColumnsError(
                f"{path}: row 1 has {len(first)} columns and not {len(columns)} ({', '.join(columns)}); "
                "correct the file or the contract"
            )
        return
    for name in columns:
        if name not in first:
            raise ColumnsError(f"{path}: column {name!r} is missing in the header; add it or correct the contract")
    for name in first:
        if name not in columns:
            raise ColumnsError(f"{path}: column {name!r} {_why_not(name, contract, columns)}")
        if first.count(name) > 1:
            raise ColumnsError(f"{path}: column {name!r} is in the header twice; rename or remove one")


def _why_not(name: str, contract: Contract, columns: tuple[str, ...]) -> str:
    """Why a file may not have a column, and what to do."""
    if not name:
        return "has no name in the header; name it or remove it (pandas: index=False, R: row.names=FALSE)"
    if name == contract.target:
        return "is the target, which a file to predict does not have; remove it: a model never sees its target"
    if name in contract.file_columns(labelled=True):
        return f"does not belong in a file of labels, which has {' and '.join(columns)}; remove it"
    if name in contract.added:
        return "is computed by jobs/features.py; remove it from the file"
    return "is not in the contract; remove it, or add it to the contract with the role ignored"
