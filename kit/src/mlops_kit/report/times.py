"""Points in time and spans of it, as a person reads them."""

from __future__ import annotations

from datetime import datetime, timezone

from mlops_kit.report.elements import Html, html


def moment(time: datetime | None, date: bool = True) -> Html | None:
    """A point in time in UTC, to the second; nothing where it is not known."""
    if time is None:
        return None
    there = time.astimezone(timezone.utc)
    shown = there.strftime("%Y-%m-%d %H:%M:%S UTC" if date else "%H:%M:%S")
    return html("time", shown, datetime=there.strftime("%Y-%m-%dT%H:%M:%SZ"))


def duration(seconds: float | None) -> str:
    """A time span as a person reads it; nothing where it is not known.

    >>> duration(0.84), duration(61.2), duration(3720)
    ('0.8 s', '1 min 01 s', '1 h 02 min')
    """
    if seconds is None:
        return ""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
