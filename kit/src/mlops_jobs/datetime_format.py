"""What the contract says of a datetime column: the format of its cells, in the letters of strptime, and its parts."""

from __future__ import annotations

import re

PARTS = ("days", "year", "quarter", "month", "week", "day", "yearday", "weekday", "hour", "minute")
DEFAULT_PARTS = ("days", "month", "weekday")
MONTHS = [
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
]
ABBREVIATED_MONTHS = [name[:3] for name in MONTHS]

# A letter of strptime and the texts that it stands for.
DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "b": "|".join(ABBREVIATED_MONTHS),
    "B": "|".join(MONTHS),
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "p": "[ap]m",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,9}",
    "z": r"z|[+-]\d{2}:?\d{2}",
}
_SAME_PLACE = (("Y", "y"), ("m", "b", "B"), ("H", "I"))
_PART_OF = {"d": {"m", "b", "B"}, "M": {"H", "I"}, "S": {"M"}, "f": {"S"}, "z": {"H", "I"}}


def broken_format(form: str) -> str | None:
    """What is wrong with a form, for a message; None for nothing."""
    letters = re.findall("%(.?)", form.replace("%%", ""))
    unknown = next((letter for letter in letters if letter not in DIRECTIVES), None)
    if unknown is not None:
        return f"and %{unknown} is not read; it may have {', '.join('%' + letter for letter in DIRECTIVES)}"
    if not {"Y", "y"} & set(letters):
        return "which has no year; write it as strptime does, for example '%d.%m.%Y'"
    if any(sum(letters.count(letter) for letter in same) > 1 for same in (*_SAME_PLACE, *DIRECTIVES)):
        return "which has one thing twice; write it as strptime does, for example '%d.%m.%Y'"
    if ("I" in letters) != ("p" in letters):
        return "and %I and %p need one another; write hours from 0 to 23 as %H"
    for letter, whole in _PART_OF.items():
        if letter in letters and not whole & set(letters):
            return f"and %{letter} stands without what it is a part of; write it as strptime does"
    return None
