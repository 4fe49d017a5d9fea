"""How dates and times are written, as instants in UTC, and what a model learns from them.

A form is given in the letters of Python's strptime. Cells are rearranged into ISO 8601, which pyarrow reads strictly:
31.02.2024 is refused. No function of the C library takes part, so that every machine reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.datetime_format import ABBREVIATED_MONTHS, DIRECTIVES, MONTHS

INSTANT = pa.timestamp("us")  # in UTC
_DAY_US = 86_400_000_000
_PIVOT = "69"  # 69 is 1969 and 68 is 2068, as POSIX reads years of two digits

_ZONE = r"\d[Zz]$|:\d{2}(\.\d+)?[+-]\d{2}(:?\d{2})?$"  # behind a time in ISO 8601
_BELOW_MICROSECONDS = r"(\.\d{6})\d{1,3}"  # pandas and Parquet write nanoseconds
ISO_IN_WORDS = "a date or time of ISO 8601, such as 2024-01-31 or 2024-01-31T12:30:00Z"


def _days(instants: pa.Array) -> pa.Array:
    return pc.divide(instants.cast(pa.int64()).cast(pa.float64()), float(_DAY_US))


_PARTS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "days": _days,  # since 1970-01-01, the time of day as a fraction
    "year": pc.year,
    "quarter": pc.quarter,
    "month": pc.month,
    "week": pc.iso_week,
    "day": pc.day,
    "yearday": pc.day_of_year,
    "weekday": pc.day_of_week,  # 0 is Monday
    "hour": pc.hour,
    "minute": pc.minute,
}


@dataclass(frozen=True)
class TimeForm:
    """A form in which cells hold dates or times.

    Attributes:
        format: in the letters of strptime; None for ISO 8601, with a time of day and a zone or without.
    """

    format: str | None = None

    def __str__(self) -> str:
        return ISO_IN_WORDS if self.format is None else f"a date of the form {self.format}"

    def read(self, texts: pa.Array) -> pa.Array:
        """The instants of some texts without spaces around them; null for null.

        Raises:
            pa.ArrowInvalid: a text has another form, or there is no such day or time.
        """
        if self.format is None:
            return _read_iso(texts)
        found = pc.extract_regex(pc.utf8_lower(texts), _pattern(self.format))
        if found.null_count > texts.null_count:
            raise pa.ArrowInvalid(f"a text has not the form {self.format}")
        return _read_iso(_iso({entry.name: pc.struct_field(found, entry.name) for entry in found.type}))

    def reads(self, text: str) -> bool:
        """Whether one text has this form."""
        return _reads(self, text)


@lru_cache(maxsize=1 << 16)
def _reads(form: TimeForm, text: str) -> bool:
    try:
        form.read(pa.array([text]))
    except pa.ArrowInvalid:
        return False
    return True


def in_microseconds(texts: pa.Array) -> pa.Array:
    """Texts of ISO 8601 without the digits below a microsecond."""
    if not pc.any(pc.match_substring(texts, ".")).as_py():
        return texts
    return pc.replace_substring_regex(texts, _BELOW_MICROSECONDS, r"\1")


def parts_of(instants: pa.Array, names: tuple[str, ...]) -> list[pa.Array]:
    """The named parts of some instants as float64, null where there is no instant."""
    return [_PARTS[name](instants).cast(pa.float64()) for name in names]


@lru_cache
def _pattern(form: str) -> str:
    """A regular expression of RE2 with a group for each letter, of texts in lower case."""
    pieces = re.split(r"%(.)", form)
    literals, letters = pieces[::2], pieces[1::2]
    pattern = re.escape(literals[0].lower())
    for letter, literal in zip(letters, literals[1:], strict=True):
        pattern += "%" if letter == "%" else f"(?P<{letter}>{DIRECTIVES[letter]})"
        pattern += re.escape(literal.lower())
    return rf"\A{pattern}\z"


def _iso(found: dict[str, pa.Array]) -> pa.Array:
    """Texts of ISO 8601 from what the letters of a form stand for."""

    def two_digits(letter: str) -> pa.Array:
        return pc.utf8_lpad(found[letter], 2, "0")

    year = found["Y"] if "Y" in found else _full_year(found["y"])
    month: pa.Array | str = "01"
    for letter, names in (("b", ABBREVIATED_MONTHS), ("B", MONTHS)):
        if letter in found:
            numbers = pc.add(pc.index_in(found[letter], pa.array(names)), 1)
            month = pc.utf8_lpad(numbers.cast(pa.string()), 2, "0")
    month = two_digits("m") if "m" in found else month
    date = pc.binary_join_element_wise(year, month, two_digits("d") if "d" in found else "01", "-")
    hour = _full_hour(two_digits("I"), found["p"]) if "I" in found else two_digits("H") if "H" in found else None
    if hour is None:
        return date
    rest = [two_digits(letter) if letter in found else "00" for letter in ("M", "S")]
    time = pc.binary_join_element_wise(hour, *rest, ":")
    if "f" in found:
        time = pc.binary_join_element_wise(time, found["f"], ".")
    if "z" in found:
        time = pc.binary_join_element_wise(time, pc.utf8_upper(found["z"]), "")
    return pc.binary_join_element_wise(date, time, "T")


def _full_year(two_digits: pa.Array) -> pa.Array:
    century = pc.if_else(pc.greater_equal(two_digits, _PIVOT), "19", "20")
    return pc.binary_join_element_wise(century, two_digits, "")


def _full_hour(hour: pa.Array, half: pa.Array) -> pa.Array:
    """Hours from 00 to 23; an hour that a clock of twelve hours does not have stays out of range."""
    numbers = hour.cast(pa.int32())
    valid = pc.and_(pc.greater_equal(numbers, 1), pc.less_equal(numbers, 12))
    of_day = pc.add(pc.if_else(pc.equal(numbers, 12), 0, numbers), pc.if_else(pc.equal(half, "pm"), 12, 0))
    return pc.utf8_lpad(pc.if_else(valid, of_day, 99).cast(pa.string()), 2, "0")


def _read_iso(texts: pa.Array) -> pa.Array:
    """Instants of ISO 8601; a time without a zone is one in UTC."""
    texts = in_microseconds(texts)
    zoned = pc.match_substring_regex(texts, _ZONE)
    if not pc.any(zoned).as_py():
        return texts.cast(INSTANT)
    without = pc.if_else(zoned, None, texts).cast(INSTANT)
    utc = pc.if_else(zoned, texts, None).cast(pa.timestamp("us", tz="UTC")).cast(INSTANT)
    return pc.coalesce(without, utc)
