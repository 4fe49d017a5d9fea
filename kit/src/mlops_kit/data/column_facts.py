"""Facts about the columns of a file: how many cells are numbers in which notation, and which other texts there are."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.csv_diagnosis import not_csv, not_utf8
from mlops_jobs.datetimes import TimeForm
from mlops_jobs.errors import DataError
from mlops_jobs.number_text import PLAIN, Notation, notations, sign_beside_number
from mlops_kit.data.date_forms import forms_of

MAX_DISTINCT = 1000  # texts of a column that are counted; a text column with more is free text or an id
NUMBERS_SHARE = 0.8  # of the filled cells, to propose a column as numeric
LARGEST_EXACT = 2**53  # beyond it a floating-point number is not exact: such integers name things

CHUNK_ROWS = 5000

_BIT = {notation: 1 << index for index, notation in enumerate(notations())}


def _bits(text: str) -> int:
    """The notations that read a text, as bits."""
    return sum(bit for notation, bit in _BIT.items() if notation.reads(text))


# The shapes of most numbers, which are counted without a look at each: pattern, and the notations that read them.
_SHAPES = (
    (r"^(?:0|[1-9][0-9]{0,14})$", _bits("1")),
    (r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$", _bits("1.234")),
    (r"^[+-]?[0-9]*\.[0-9]+$", _bits("0.5")),  # after the shape above
)


_DOT_BEFORE_THREE_DIGITS = _bits("1.234")


@dataclass
class ColumnFacts:
    """Counts of a column's filled cells.

    Attributes:
        filled: how many there are.
        texts: how often each text comes; of MAX_DISTINCT texts at most.
        odd: those among them that are not plain numbers.
        rows: where each text comes first.
        codes: integers with a zero in front, such as 00060.
        exceeding: integers that a floating-point number cannot hold.
        time_forms: the forms in which all cells are dates.
    """

    filled: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)
    codes: int = 0
    exceeding: int = 0
    time_forms: tuple[TimeForm, ...] = ()
    _read_by: Counter[int] = field(default_factory=Counter)  # by the bits of the notations that read a cell

    def add(self, row: int, cells: pa.StringArray) -> None:
        """Count filled and missing cells, the missing ones as null; the first is in this row."""
        filled = cells.drop_null()
        self.filled += len(filled)
        self.time_forms = forms_of(filled, self.time_forms)
        if len(self.texts) <= MAX_DISTINCT:
            self._add_texts(row, cells)
        for pattern, bits in _SHAPES:
            fits = pc.match_substring_regex(filled, pattern)
            if count := fits.true_count:
                self._read_by[bits] += count
                filled = filled.filter(pc.invert(fits))
        for text, count in Counter(filled.to_pylist()).items():
            self._add_rest(text, count, row, cells)

    def _add_texts(self, row: int, cells: pa.StringArray) -> None:
        for entry in cells.drop_null().value_counts().to_pylist():
            text = entry["values"]
            if text not in self.texts:
                if len(self.texts) > MAX_DISTINCT:
                    return
                self.rows[text] = row + pc.index(cells, text).as_py()
            self.texts[text] += entry["counts"]

    def _add_rest(self, text: str, count: int, row: int, cells: pa.StringArray) -> None:
        self._read_by[_bits(text)] += count
        if text.isascii() and text.isdigit():
            self.codes += text.startswith("0")
            self.exceeding += float(text) >= LARGEST_EXACT
        elif not PLAIN.reads(text) and (len(self.odd) <= MAX_DISTINCT or text in self.odd):
            self.odd[text] += count
            if text not in self.rows:
                self.rows[text] = row + pc.index(cells, text).as_py()

    def numbers(self, notation: Notation) -> int:
        """How many cells are numbers."""
        return sum(count for bits, count in self._read_by.items() if bits & _BIT[notation])

    @property
    def has_dots_before_three_digits(self) -> bool:
        """Whether there are numbers such as 1.234, whose dot may stand between thousands."""
        return self._read_by[_DOT_BEFORE_THREE_DIGITS] > 0

    def is_numeric(self, notation: Notation) -> bool:
        """Whether almost all filled cells are numbers."""
        return 0 < NUMBERS_SHARE * self.filled <= self.numbers(notation)

    def others(self, notation: Notation) -> Counter[str]:
        """The texts that are no numbers; of MAX_DISTINCT texts at most."""
        known = self.odd if notation.decimal == PLAIN.decimal else self.texts | self.odd
        return Counter({text: count for text, count in known.items() if not notation.reads(text)})

    def signs(self, notation: Notation) -> Counter[str]:
        """How many cells a sign beside a number keeps from being one, by sign."""
        signs: Counter[str] = Counter()
        for text, count in self.others(notation).items():
            if sign := sign_beside_number(text):
                signs[sign] += count
        return signs


@dataclass(frozen=True)
class Survey:
    """What one reading of all cells found.

    Attributes:
        rows: how many there are.
        facts: by column.
        repeated: the columns asked for whose cells are not all filled and different.
    """

    rows: int
    facts: dict[str, ColumnFacts]
    repeated: frozenset[str]


def survey(
    path: Path,
    delimiter: str,
    header: bool,
    missing: Iterable[str],
    unique: Sequence[str],
    time_forms: tuple[TimeForm, ...] = (),
) -> Survey:
    """Read all cells once.

    Args:
        path: the file.
        delimiter: between its cells.
        header: whether its first row holds the names; without them columns are column_1, column_2 ...
        missing: the texts, without blanks around them, that stand for an empty cell.
        unique: the columns of which to tell whether all cells differ.
        time_forms: the forms in which cells may be dates.

    Raises:
        DataError: the file is not CSV in UTF-8.
    """
    absent, row = pa.array(sorted(missing)), 0
    table = rows_of(path, delimiter)
    first = next(table)
    names = [cell.strip() for cell in first] if header else [f"column_{number + 1}" for number in range(len(first))]
    facts = {name: ColumnFacts(time_forms=time_forms) for name in names}
    seen: dict[str, set[str]] = {name: set() for name in unique if name in facts}
    rows = table if header else chain([first], table)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        for name, cells in zip(names, _columns(chunk, len(names)), strict=True):
            texts = pc.utf8_trim_whitespace(pa.array(cells, pa.string()))
            facts[name].add(row + 1, pc.if_else(pc.is_in(texts, absent), None, texts))
            if name in seen:
                seen[name].update(texts.to_pylist())
        row += len(chunk)
    repeated = frozenset(name for name, texts in seen.items() if len(texts) < row or "" in texts)
    return Survey(row, facts, repeated)


def _columns(rows: list[list[str]], width: int) -> Iterator[tuple[str, ...]]:
    """The columns of rows; a later check refuses rows of another length."""
    if any(len(cells) != width for cells in rows):
        rows = [(cells + [""] * width)[:width] for cells in rows]
    return zip(*rows, strict=True)


def rows_of(path: Path, delimiter: str) -> Iterator[list[str]]:
    """The rows of a CSV file without the empty lines.

    Raises:
        DataError: the file is not CSV in UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (cells for cells in csv.reader(file, delimiter=delimiter) if cells)
    except UnicodeDecodeError as error:
        raise DataError(not_utf8(path)) from error
    except csv.Error as error:
        raise DataError(not_csv(path, error)) from error


def choose_notation(facts: Iterable[ColumnFacts], delimiter: str) -> tuple[Notation, bool]:
    """The notation in which most columns are numbers, the plainest of several, and whether it is beyond doubt.

    "1,234" alone may be either: beside semicolons its comma is taken for a decimal mark, else for one of thousands. So
    may "1.234", whose dot is taken for a decimal mark.
    """
    columns = list(facts)
    scores = {
        notation: (
            sum(column.is_numeric(notation) for column in columns),
            sum(column.numbers(notation) for column in columns if column.is_numeric(notation)),
        )
        for notation in notations()
    }
    best = max(scores.values())
    equal = [notation for notation, score in scores.items() if score == best]
    if equal[0] == PLAIN:
        is_open = Notation(",", ".") in equal and any(column.has_dots_before_three_digits for column in columns)
        return PLAIN, not is_open
    comma, grouped = Notation(","), Notation(".", ",")
    if comma in equal and grouped in equal:
        return (comma if delimiter == ";" else grouped), False
    return equal[0], True
