"""Durations as the ExpireAfter of a step's cache takes them.

SageMaker's documentation calls them ISO 8601 durations, and it leaves out the P and uses small letters in some of its
examples: P30D, PT1H, P1Y2M3DT4H, P2W, p30d, T12H, 30dT5h.
"""

from __future__ import annotations

import re
from datetime import timedelta

# ISO 8601 leaves the length of a year and a month open.
_UNITS = {
    "years": timedelta(days=365),
    "months": timedelta(days=30),
    "weeks": timedelta(weeks=1),
    "days": timedelta(days=1),
    "hours": timedelta(hours=1),
    "minutes": timedelta(minutes=1),
    "seconds": timedelta(seconds=1),
}
_DIGITS = "[0-9]{1,18}"
_DURATION = re.compile(
    rf"P?(?=.)(?:(?P<years>{_DIGITS})Y)?(?:(?P<months>{_DIGITS})M)?(?:(?P<weeks>{_DIGITS})W)?(?:(?P<days>{_DIGITS})D)?"
    rf"(?:T(?=.)(?:(?P<hours>{_DIGITS})H)?(?:(?P<minutes>{_DIGITS})M)?(?:(?P<seconds>{_DIGITS})S)?)?",
    re.IGNORECASE | re.ASCII,
)


def parse_duration(text: object) -> timedelta:
    """Parse a duration; one that is too long for a timedelta counts as the longest there is.

    Raises:
        ValueError: the value is not a duration.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write one like P30D or PT1H")
    try:
        return sum((int(number) * _UNITS[unit] for unit, number in match.groupdict("0").items()), timedelta())
    except OverflowError:
        return timedelta.max
