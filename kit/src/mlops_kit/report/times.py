"""Times on the page."""

from __future__ import annotations

from datetime import datetime, timezone

from mlops_kit.report.elements import Html, html


def moment(time: datetime | None, date: bool = True) -> Html | None:
    """A time in UTC, to the second; None where it is unknown."""
    if time is None:
        return None
    utc = time.astimezone(timezone.utc)
    shown = utc.strftime("%Y-%m-%d %H:%M:%S UTC" if date else "%H:%M:%S")
    return html("time", shown, datetime=utc.strftime("%Y-%m-%dT%H:%M:%SZ"))
