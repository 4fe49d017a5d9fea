"""How a file writes numbers: with which decimal mark, and with which mark between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

DECIMALS = (".", ",")
# A contract names one character of each class; typesetters use the others for the same purpose.
THOUSANDS = {",": ",", ".": ".", "'": "'\u2019", " ": " \u00a0\u202f"}
EXPONENT = r"(?:[eE][+-]?\d+)?"
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
BLANKS = " \t"  # the reader ignores them around a number
_UNIT = re.compile(r"[ \u00a0\u202f]*([^\W\d_\u00b2\u00b3]{1,5}[\u00b2\u00b3]?(?:/[^\W\d_]{1,4})?)$")
_SIGN = re.compile(
    r"[$\xa2\xa3\xa5\u20a0-\u20bf\u0e3f%\u2030]|\b(?:USD|EUR|GBP|CHF|JPY|Rs\.?)(?![a-z])|(?<=\d)-$|^\u2212",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Notation:
    """The two marks of a file's numbers.

    Attributes:
        decimal: one of DECIMALS.
        thousands: a key of THOUSANDS, or None where thousands are not marked.
    """

    decimal: str = "."
    thousands: str | None = None

    @cached_property
    def pattern(self) -> str:
        """A regular expression of a whole number text, for Python and for RE2."""
        mark = re.escape(self.decimal)
        integer = r"\d+"
        if self.thousands:
            between = f"[{THOUSANDS[self.thousands]}]"
            group = r"\d{2,3}" if self.thousands == "," else r"\d{3}"  # India writes 1,00,000
            integer = rf"(?:[1-9]\d{{0,2}}(?:{between}{group})*{between}\d{{3}}|\d+)"
        return rf"[+-]?(?:{integer}(?:{mark}\d*)?|{mark}\d+){EXPONENT}"

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern for Python."""
        return re.compile(self.pattern, re.ASCII)

    def reads(self, text: str) -> bool:
        """Whether a text is a number; blanks around it are not part of it."""
        return self.compiled.fullmatch(text) is not None

    def value(self, text: str) -> float:
        """The number that a text is."""
        if self.thousands:
            text = re.sub(f"[{THOUSANDS[self.thousands]}]", "", text)
        return float(text.replace(self.decimal, "."))

    @property
    def in_full(self) -> str:
        """Both marks in words.

        >>> Notation().in_full, Notation(",", ".").in_full
        ("decimal '.', no thousands", "decimal ',' and thousands '.'")
        """
        return f"decimal {self.decimal!r}" + (
            f" and thousands {self.thousands!r}" if self.thousands else ", no thousands"
        )

    def changed_to(self, other: Notation) -> str:
        """The keys of the contract that another notation changes, with their values.

        >>> Notation(",", ".").changed_to(Notation())
        "csv.decimal to '.' and csv.thousands to null"
        """
        thousands = repr(other.thousands) if other.thousands else "null"
        changes = {
            f"csv.decimal to {other.decimal!r}": self.decimal != other.decimal,
            f"csv.thousands to {thousands}": self.thousands != other.thousands,
        }
        return " and ".join(text for text, changed in changes.items() if changed)

    def __str__(self) -> str:
        thousands = f"csv.thousands to {self.thousands!r}" if self.thousands else ""
        decimal = f"csv.decimal to {self.decimal!r}" if self.decimal != "." else ""
        return " and ".join(filter(None, (decimal, thousands)))


PLAIN = Notation()


@lru_cache
def notations() -> tuple[Notation, ...]:
    """All notations, the plainest first."""
    return tuple(_notations())


def _notations() -> Iterator[Notation]:
    for thousands in (None, *THOUSANDS):
        for decimal in DECIMALS:
            if decimal != thousands:
                yield Notation(decimal, thousands)


def is_number(text: str) -> bool:
    """Whether a text is a number in some notation."""
    return any(notation.reads(text) for notation in notations())


def unit_of(text: str) -> str | None:
    """The unit behind a number, such as kg in "12 kg"; None where there is none."""
    found = _UNIT.search(text)
    return found[1] if found and is_number(text[: found.start()]) else None


def sign_beside_number(text: str) -> str | None:
    """The sign that keeps a text from being a number: of a currency, a share, or a negative number, in whatever form.

    Returns:
        the sign: "(" for a number in parentheses, as accountants write a negative one; None where there is none.
    """
    rest, count = _SIGN.subn("", text)
    sign = _SIGN.search(text)
    if text.startswith("(") and text.endswith(")"):
        rest, count = rest.strip("()"), count + 1
    if not count or not is_number(rest.strip(" \t\u00a0\u202f")):
        return None
    return sign.group() if sign else "("
