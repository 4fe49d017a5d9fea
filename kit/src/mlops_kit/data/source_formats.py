"""What a file is, by its first bytes: gzip, Parquet and JSON lines become CSV; other formats are named."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError

HEAD_BYTES = 1 << 12
WORKBOOK = "xl/workbook.xml"
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
EXCEL = "save the sheet as 'CSV UTF-8'"
UNPACK = "unpack it, and name the CSV file"
PANDAS = "write it as CSV, for example with pandas: {}(path).to_csv('rows.csv', index=False)"

# First bytes, what such a file is, and what to do.
NAMED = (
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)", EXCEL),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a rar archive", UNPACK),
    (b"\x89HDF", "an HDF5 file", PANDAS.format("read_hdf")),
    (b"ARROW1", "an Arrow (Feather) file", PANDAS.format("read_feather")),
    (b"ORC", "an ORC file", PANDAS.format("read_orc")),
    (b"Obj\x01", "an Avro file", "write it as CSV or Parquet"),
    (b"SQLite format 3", "an SQLite database", "write the table as CSV (sqlite3 -header -csv)"),
    (b"%PDF", "a PDF", "give the table as CSV"),
    (b"\x93NUMPY", "a NumPy array", "write it as CSV with numpy.savetxt and a header"),
    (b"\x80\x04", "a Python pickle", PANDAS.format("read_pickle")),
    (b"\x80\x05", "a Python pickle", PANDAS.format("read_pickle")),
    (b"RDX", "an R data file", "write it as CSV with write.csv(x, 'rows.csv', row.names = FALSE)"),
    (b"X\n\x00\x00", "an R data file", "write it as CSV with write.csv(x, 'rows.csv', row.names = FALSE)"),
    (b"MATLAB 5.0", "a MATLAB file", "write it as CSV with writetable"),
    (b"$FL2", "an SPSS file", PANDAS.format("read_spss")),
    (b"<stata_dta>", "a Stata file", PANDAS.format("read_stata")),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself", "fetch it with git lfs pull"),
    (b"<", "HTML or XML", "give the table as CSV (a login or error page may have been saved instead of the file)"),
)
JSON_LINES = "write JSON lines, for example with pandas: to_json('rows.jsonl', orient='records', lines=True)"
ARFF = re.compile(rb"\s*(%[^\n]*\n\s*)*@relation", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A file to import.

    Attributes:
        path: the file that the user named.
        csv: the same rows as CSV: the file itself, or what was made of it.
        origin: what it was made of, for messages; empty where it is the file itself.
        first_line: how many lines of the file stand above the CSV's first one; None where its lines are others.
    """

    path: Path
    csv: Path
    origin: str = ""
    first_line: int | None = 0

    def in_its_words(self, error: DataError) -> DataError:
        """An error about the CSV as one about the file: its path, and its lines."""
        text = str(error).replace(str(self.csv), str(self.path)).replace(self.csv.name, self.path.name)
        if self.first_line is None:
            text = re.sub(r" \(line \d+\)", "", text)
        elif self.first_line:
            text = re.sub(r"(?<=line )\d+", lambda number: str(int(number[0]) + (self.first_line or 0)), text)
        return type(error)(text)


def open_source(path: Path, scratch: Path, contract: Contract) -> Source:
    """Find out what a file is, and make CSV of it where that is possible.

    Args:
        path: the file.
        scratch: a folder for the CSV, where one is made.
        contract: gives the form of that CSV.

    Raises:
        DataError: it cannot be read, or is of a form that the message names with the remedy.
    """
    source = Source(path, path)
    try:
        head = _head(path)
        if head.startswith(b"\x1f\x8b"):
            source = Source(path, _unpacked(path, scratch), "gzip")
            head = _head(source.csv)
        if not head.strip():
            raise DataError(f"{path}: is empty; give a file with rows")
        if head.startswith(b"PAR1"):
            return _made(source, scratch, contract, "Parquet", _parquet_rows)
        if _is_json_lines(head):
            return _made(source, scratch, contract, "JSON lines", _json_rows)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the path of a CSV file") from error
    if named := _named(source.csv, head):
        raise DataError(f"{path}: is {named[0]}; {named[1]}")
    return source


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _named(path: Path, head: bytes) -> tuple[str, str] | None:
    """What a file that cannot be imported is, and the remedy; None for one that may be CSV."""
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            return "a damaged zip archive", "fetch it again"
        if WORKBOOK in names:
            return "an Excel workbook (.xlsx)", EXCEL
        if "content.xml" in names:
            return "an OpenDocument sheet (.ods)", EXCEL
        return f"a zip archive ({', '.join(names[:3])})", UNPACK
    if head[257:262] == b"ustar":
        return "a tar archive", UNPACK
    if ARFF.match(head):
        return "an ARFF file of Weka", "write it as CSV (scipy.io.arff, or Weka's CSVSaver)"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, name, remedy in NAMED:
        if text.startswith(start):
            return name, remedy
    if re.match(rb"(\{\s*\"|\[\s*[\[{])", text):
        return "JSON, but not one object on each line", JSON_LINES
    return None


def _unpacked(path: Path, scratch: Path) -> Path:
    unpacked = scratch / "unpacked.csv"
    try:
        with gzip.open(path) as packed, unpacked.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is a damaged gzip file ({error}); fetch it again") from error
    return unpacked


Rows = Callable[[Path, str], Iterator[Iterable[Any]]]  # of a file, with this decimal mark; the names come first


def _made(source: Source, scratch: Path, contract: Contract, origin: str, read: Rows) -> Source:
    """Write rows as the contract's CSV; with a header that it does not have, where other columns come."""
    made = scratch / "rows.csv"
    with made.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=contract.delimiter, lineterminator="\n")
        try:
            rows = read(source.csv, contract.decimal)
            names = tuple(next(rows))
            if contract.header or names != contract.file_columns(labelled=True):
                writer.writerow(names)
            writer.writerows(rows)
        except DataError as error:
            raise source.in_its_words(error) from error
    return Source(source.path, made, f"{source.origin} of {origin}" if source.origin else origin, None)


def _is_json_lines(head: bytes) -> bool:
    first, line_break, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if not first.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return not line_break and len(head) == HEAD_BYTES  # the first object is longer than what was read


def _json_rows(path: Path, decimal: str) -> Iterator[Iterable[Any]]:
    names: dict[str, None] = {}
    for _, row in _json_objects(path, decimal):
        names.update(dict.fromkeys(row))
    yield names
    for number, row in _json_objects(path, decimal):
        cells = [row.get(name) for name in names]
        for name, cell in zip(names, cells, strict=True):
            if isinstance(cell, dict | list):
                raise DataError(f"{path}: line {number}, key {name!r}: is a list or an object; give it keys of its own")
        yield ["" if cell is None else str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]


def _json_objects(path: Path, decimal: str) -> Iterator[tuple[int, dict[str, Any]]]:
    def number(text: str) -> str:
        return text.replace(".", decimal)

    line = 1
    with path.open(encoding="utf-8-sig") as file:
        try:
            for line, text in enumerate(file, start=1):
                if text.strip():  # numbers keep their digits
                    row = json.loads(text, parse_float=number, parse_int=str, parse_constant=str)
                    if not isinstance(row, dict):
                        raise DataError(f"{path}: line {line} is not a JSON object; correct or remove it")
                    yield line, row
        except ValueError as error:
            raise DataError(f"{path}: line {line} is not JSON in UTF-8 ({error}); correct or remove it") from error


def _parquet_rows(path: Path, decimal: str) -> Iterator[Iterable[Any]]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise DataError(f"{path}: is a damaged Parquet file ({error}); write it again") from error
    names = [name for name in file.schema_arrow.names if not PANDAS_INDEX.fullmatch(name)]
    yield names
    for batch in file.iter_batches(columns=names):
        yield from zip(*(_as_texts(path, name, batch.column(name), decimal) for name in names), strict=True)


def _as_texts(path: Path, name: str, column: pa.Array, decimal: str) -> list[str]:
    """The cells of a column as a CSV file holds them; a missing one is empty, and so is not-a-number."""
    mark = decimal if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type) else "."
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        texts = pc.replace_substring(column.cast(pa.string()), ".", mark) if mark != "." else column.cast(pa.string())
        return texts.fill_null("").to_pylist()
    except pa.ArrowException as error:
        raise DataError(
            f"{path}: column {name!r} is of the type {column.type}, which CSV cannot hold; write it as text or numbers"
        ) from error
