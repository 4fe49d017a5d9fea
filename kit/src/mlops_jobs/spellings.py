"""Two spellings of one text: what is lost when a spreadsheet or a data frame takes a code for a number."""

from __future__ import annotations

import re


def folded(text: str) -> str:
    """A text without what such tools change: leading zeros, a plus sign, `.0`, thousands commas, blanks, case.

    >>> folded("00060"), folded("60.0"), folded(" A-7"), folded("a-7 ")
    ('60', '60', 'a-7', 'a-7')
    """
    compact = re.sub(r"\s+", "", text).casefold()
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.0*)?", compact):
        compact = compact.replace(",", "")
    compact = re.sub(r"^\+?0+(?=[^.])|^\+(?=\d)", "", compact)
    return re.sub(r"^(-?\d+)\.0*$", r"\1", compact)


def lost_in(one: str, other: str) -> str:
    """How two spellings of one text differ, and what to do.

    >>> lost_in("00060", "60")
    'leading zeros were lost; write the column as text where it is exported'
    """
    remedy = "write the column as text where it is exported"
    one, other = re.sub(r"\s+", "", one), re.sub(r"\s+", "", other)
    if one == other:
        return f"blanks differ; {remedy}"
    if one.casefold() == other.casefold():
        return f"upper and lower case differ; {remedy}"
    if one.lstrip("0") == other.lstrip("0"):
        return f"leading zeros were lost; {remedy}"
    return f"one was taken for a number; {remedy}"
