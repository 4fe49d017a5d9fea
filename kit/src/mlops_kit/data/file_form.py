"""The form of a CSV file of unknown origin: what stands above the table, its delimiter, and whether it has a header.

All is judged over many lines. What the first line alone looks like misleads: it may be a title, hold a delimiter in
quotes, or be a header of numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from mlops_jobs.csv_diagnosis import not_csv, not_utf8
from mlops_jobs.errors import DataError
from mlops_jobs.number_text import PLAIN, is_number
from mlops_kit.data.source_formats import Source

SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 1000
USUAL = (",", ";", "\t", "|")
RARE = (" ", "~", "^", "\x01", "\x1f")  # tried where no usual delimiter fits
MANY = 0.5  # the share of the rows that must have as many cells as the first
MOST = 0.8  # the share of a column's cells that makes it one of numbers
YEARS = range(1900, 2101)
EVEN = 1e-6  # how much steps between evenly spaced numbers differ at most
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
LIBSVM = re.compile(r"[+-]?\d+(\.\d+)?(\s+\d+:\S+)+\s*")
COLUMNS_OF_BLANKS = re.compile(r"\S\s{2,}\S")
NUMBERS_OF_BLANKS = re.compile(r"\d {2,}[-+.]?\d")
ESCAPED_QUOTE = re.compile(r'\\"[^",;\t|\r\n]')
NAMES = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class FileForm:
    """The form of a file.

    Attributes:
        delimiter: one character.
        header: whether the first row holds the names of the columns.
        above: how many lines above the table to leave out.
        trailing: how many delimiters at the ends of lines end no cell.
        sure: whether the rows leave no doubt about the header.
    """

    delimiter: str
    header: bool
    above: int = 0
    trailing: int = 0
    sure: bool = True

    def __str__(self) -> str:
        mark = {"\t": "tab", " ": "space"}.get(self.delimiter, repr(self.delimiter))
        return f"delimiter {mark} and {'the first row as header' if self.header else 'no header'}"


def delimiter_named(text: str | None) -> str | None:
    """The delimiter that a user gave, by itself or by its name, such as tab."""
    return NAMES.get(text.lower(), text) if text else None


def find_form(
    source: Source,
    missing: Sequence[str],
    names: Sequence[str] = (),
    form: tuple[str | None, bool | None] = (None, None),
) -> FileForm:
    """Find the form of a file.

    Args:
        source: the file.
        missing: texts that stand for an empty cell.
        names: names that the user gave, which only a header can hold.
        form: the delimiter and whether there is a header, where the user says so.

    Raises:
        DataError: the file is no table of one delimiter; the message names what it is and the remedy.
    """
    path, (delimiter, header) = source.path, form
    lines = _sample(source)
    if not lines[0].strip():
        raise DataError(f"{path}: is empty or begins with an empty line; give a file with rows")
    above = 0
    if separator := SEPARATOR.fullmatch(lines[0]):
        above, delimiter = 1, delimiter or separator[1]
    while above < len(lines) - 1 and lines[above].startswith("#"):
        above += 1
    delimiter, rows = _table(path, lines, above, delimiter)
    if above and lines[above - 1].startswith("#"):  # the names may stand behind a '#'
        [named] = csv.reader([lines[above - 1]], delimiter=delimiter)
        if len(named) == len(rows[0]) > 1:
            above, rows = above - 1, [named, *rows]
    trailing = _trailing(rows)
    if trailing:
        rows = [row[: _named_width(rows[0])] for row in rows]
    if len(rows[0]) > 1 and all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in map(str.strip, rows[0])):
        raise DataError(f'{path}: quotes its cells with apostrophes, such as {rows[0][0]}; quote them with ", or not')
    _check_row_names(path, rows)
    sure = True
    if header is None:
        header, sure = _has_header(rows, missing, names)
        if not (header and sure) and _all_are_names(rows[1:], missing):
            raise DataError(
                f"{path}: the header ({', '.join(rows[1])[:60]}) is in its second row; remove what stands above it: "
                f"{lines[above].strip()[:60]!r}"
            )
    if header:
        _check_names(path, [cell.strip() for cell in rows[0]], [row[0] for row in rows[1:]])
    return FileForm(delimiter, header, above, trailing, sure)


def plain_csv(source: Source, form: FileForm, scratch: Path) -> Source:
    """The source without what the jobs do not read: lines above the table, and delimiters at the ends of lines."""
    if not form.above and not form.trailing:
        return source
    plain = scratch / "table.csv"
    with (
        source.csv.open(encoding="utf-8-sig", newline="") as file,
        plain.open("w", encoding="utf-8", newline="") as made,
    ):
        for _ in range(form.above):
            file.readline()
        writer = csv.writer(made, delimiter=form.delimiter, lineterminator="\n")
        width = None
        for cells in csv.reader(file, delimiter=form.delimiter):
            width = width or (_named_width(cells) if cells else None)
            writer.writerow(cells[:width] if form.trailing and not any(map(str.strip, cells[width:])) else cells)
    origin = source.origin or "CSV"
    return replace(source, csv=plain, origin=origin, first_line=None if source.first_line is None else form.above)


def _sample(source: Source) -> list[str]:
    """The first lines of the file, whole ones."""
    with source.csv.open("rb") as file:
        content = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise source.in_its_words(DataError(not_utf8(source.csv)))
    if not whole:
        content = content[: content.rfind(b"\n") + 1] or content
    try:
        return io.StringIO(content.decode("utf-8-sig"), newline="").readlines() or [""]
    except UnicodeDecodeError as error:
        raise source.in_its_words(DataError(not_utf8(source.csv))) from error


def _table(path: Path, lines: list[str], above: int, delimiter: str | None) -> tuple[str, list[list[str]]]:
    """The delimiter and the rows of the sample."""
    body = lines[above:]
    if sum(bool(LIBSVM.fullmatch(line)) for line in body) > MOST * len(body):
        raise DataError(
            f"{path}: is a file of LIBSVM (label index:value ...); write it as CSV, for example with "
            "sklearn.datasets.load_svmlight_file and pandas"
        )
    tried = {mark: _rows(path, body, mark) for mark in ([delimiter] if delimiter else (*USUAL, *RARE))}
    fits = {mark: fit for mark, rows in tried.items() if (fit := _fit(rows))}
    usual = [mark for mark in fits if mark in USUAL]
    best = max(usual or fits, key=lambda mark: fits[mark], default=None)
    if best is None:
        raise DataError(_why_no_table(path, body, tried))
    blanks = COLUMNS_OF_BLANKS if best == " " else NUMBERS_OF_BLANKS
    if sum(bool(blanks.search(line.strip())) for line in body) > MANY * len(body):
        raise DataError(_aligned(path))
    _check_quotes(path, body, above, best)
    return best, tried[best]


def _named_width(cells: list[str]) -> int:
    """How many cells there are without the empty ones at the end."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=1)


def _trailing(rows: list[list[str]]) -> int:
    """How many delimiters at the ends of the header, of the rows, or of both end no cell."""
    if len(rows) < 2:
        return 0
    named = _named_width(rows[0])
    is_empty = all(not any(map(str.strip, row[named:])) for row in rows[1:])
    widest = max(map(len, rows))
    return widest - named if is_empty and min(map(len, rows[1:])) >= named else 0


def _rows(path: Path, lines: list[str], mark: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(lines, delimiter=mark):
            if cells:
                rows.append(cells)
            if len(rows) > SAMPLE_ROWS:
                break
    except csv.Error as error:
        raise DataError(not_csv(path, error)) from error
    except TypeError as error:
        raise DataError(f"{path}: {mark!r} cannot be a delimiter; name one character, for example ';'") from error
    return rows


def _fit(rows: list[list[str]]) -> tuple[bool, float, float, float, int] | None:
    """How well rows fit a delimiter, to compare; None where they do not."""
    [(width, count)] = Counter(map(len, rows)).most_common(1)
    first = width if _named_width(rows[0]) <= width <= len(rows[0]) else len(rows[0])
    if width < 2 or first not in (width, width - 1) or count < MANY * len(rows):
        return None
    cells = [cell for row in rows for cell in row]
    numbers = sum(_is_number(cell) for cell in cells) / len(cells)
    foreign = sum(any(mark in cell for mark in USUAL[1:]) for cell in cells) / len(cells)
    return first == width, round(count / len(rows), 2), numbers, -foreign, width


def _is_number(cell: str) -> bool:
    text = cell.strip()
    return text.isdigit() or is_number(text)


def _why_no_table(path: Path, body: list[str], tried: dict[str, list[list[str]]]) -> str:
    for mark, rows in tried.items():
        [(width, count)] = Counter(map(len, rows)).most_common(1)
        if width > 1 and count >= MOST * len(rows):
            return (
                f"{path}: the first row has {len(rows[0])} cells and most have {width} (delimiter {mark!r}); "
                f"remove what stands above the table, such as {body[0].strip()[:60]!r}, or correct the row"
            )
    if len(tried) == 1:
        return f"{path}: {next(iter(tried))!r} is not its delimiter: the rows have no two cells; name another"
    if sum(bool(COLUMNS_OF_BLANKS.search(line.strip())) for line in body) > MANY * len(body):
        return _aligned(path)
    if sum("::" in line for line in body) > MOST * len(body):
        return f"{path}: its cells are separated by '::'; a delimiter is one character, so save the file with another"
    return (
        f"{path}: is no table with the delimiter , ; | tab or space (its first line: {body[0].strip()[:60]!r}); "
        "name the delimiter with --delimiter (make: DELIMITER=...)"
    )


def _aligned(path: Path) -> str:
    return (
        f"{path}: its columns are aligned with blanks (fixed width); write it as CSV, for example with pandas: "
        "read_fwf(path).to_csv('rows.csv', index=False)"
    )


def _check_quotes(path: Path, body: list[str], above: int, mark: str) -> None:
    blanks = re.compile(rf'{re.escape(mark)} +"[^"\r\n]*{re.escape(mark)}')  # such a quote does not hold the delimiter
    for number, line in enumerate(body, start=above + 1):
        if mark != " " and blanks.search(line):
            raise DataError(
                f"{path}: line {number} has blanks before a quote; a quote has to follow the {mark!r} at once, "
                "so remove the blanks"
            )
        if ESCAPED_QUOTE.search(line):
            raise DataError(
                f'{path}: line {number} escapes a quote with a backslash; CSV doubles it (""), so write the file '
                "without escape character (pandas: no escapechar)"
            )


def _check_row_names(path: Path, rows: list[list[str]]) -> None:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if len(rows[0]) == width - 1:
        raise DataError(
            f"{path}: its header has {len(rows[0])} cells and its rows have {width}, as R writes row names; "
            "write it without them (write.csv(x, 'rows.csv', row.names = FALSE)), or name the first column"
        )


def _check_names(path: Path, names: list[str], first_cells: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        if not name:
            kind = "; it numbers the rows, so write the file without it" if number == 1 else ""
            raise DataError(
                f"{path}: column {number} has no name in the header{kind} (pandas: index=False, "
                "R: row.names = FALSE), or name it"
            )
        if "\n" in name or "\r" in name:
            raise DataError(f"{path}: the name of column {number}, {name!r}, spans several lines; write it in one")
        if names.count(name) > 1:
            raise DataError(f"{path}: column {name!r} occurs twice in the header; rename or remove one")


@dataclass(frozen=True)
class _Below:
    """What stands in a column below the first row."""

    name: str  # the cell of the first row
    is_word: bool  # the first row holds a word there, and no mark for a missing cell
    is_number: bool  # or a number
    cells: tuple[str, ...]  # the filled cells below
    numbers: float  # the share of numbers among them

    @property
    def repeats(self) -> bool:
        """Whether the cells are few texts over and over."""
        return len(set(self.cells)) <= len(self.cells) / 2


def _has_header(rows: list[list[str]], missing: Sequence[str], names: Sequence[str]) -> tuple[bool, bool]:
    """Whether the first row is a header, and whether that is beyond doubt."""
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    if not below or set(names) & set(first):
        return True, True
    columns = [
        _below(name, [row[index] for row in below if index < len(row)], missing) for index, name in enumerate(first)
    ]
    again = first in [[cell.strip() for cell in row] for row in below]
    words = [column for column in columns if column.is_word and column.cells]
    over_numbers = [column for column in words if column.numbers >= MOST]
    if any(again or column.name not in column.cells for column in over_numbers):
        return True, True  # a word above numbers
    if any(column.name in column.cells for column in words):
        return False, True  # a word that comes again below
    numbers = [column for column in columns if column.is_number and column.cells]
    if any(not column.numbers for column in numbers if column.repeats):
        return True, False  # a number above words
    if not numbers:
        return True, any(column.repeats for column in words)
    return _is_count_of_columns(numbers, below, columns), not words


def _all_are_names(rows: list[list[str]], missing: Sequence[str]) -> bool:
    """Whether the first row holds nothing but words, some of them above numbers."""
    if len(rows) < 2 or not all(cell.strip() and not _is_number(cell) for cell in rows[0]):
        return False
    return len(set(rows[0])) == len(rows[0]) and _has_header(rows, missing, ()) == (True, True)


def _below(name: str, cells: list[str], missing: Sequence[str]) -> _Below:
    filled = tuple(text for cell in cells if (text := cell.strip()) and text not in missing)
    number = _is_number(name)
    word = any(letter.isalpha() for letter in name) and name not in missing and not number
    return _Below(name, word, number, filled, sum(map(_is_number, filled)) / len(filled) if filled else 0.0)


def _is_count_of_columns(numbers: list[_Below], below: list[list[str]], columns: list[_Below]) -> bool:
    """Whether the numbers of the first row count the columns, or are years, and those of the rows below do not."""
    places = [columns.index(column) for column in numbers]
    if not _counts([column.name for column in numbers]):
        return False
    like_it = sum(_counts([row[place].strip() for place in places if place < len(row)]) for row in below)
    return like_it <= (len(below) / 10 if len(numbers) > 1 else 0)


def _counts(cells: Sequence[str]) -> bool:
    """Whether cells are years in order, or numbers with the same step between them: 0, 1, 2 or 350.5, 351, 351.5."""
    if not cells or not all(PLAIN.reads(cell) for cell in cells):
        return False
    values = [float(cell) for cell in cells]
    steps = [after - before for before, after in pairwise(values)]
    if any(step <= 0 for step in steps):
        return False
    if all(value in YEARS for value in values):
        return True
    is_even = len(steps) > 0 and max(steps) - min(steps) < EVEN * max(steps)
    return is_even and (len(values) > 2 or values in ([0, 1], [1, 2]))
