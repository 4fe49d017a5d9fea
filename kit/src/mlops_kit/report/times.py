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
