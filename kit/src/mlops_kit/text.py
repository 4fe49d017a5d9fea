"""How durations, amounts and statuses are written for people: the same on a terminal and on the report page."""

from __future__ import annotations

# The tone of a status: it becomes a colour on a terminal and a CSS class on the report page.
TONES = {
    "Succeeded": "good",
    "Completed": "good",
    "Approved": "good",
    "PASS": "good",
    "Failed": "bad",
    "Rejected": "bad",
    "VIOLATION": "bad",
    "Stopping": "warn",
    "Stopped": "warn",
    "PendingManualApproval": "warn",
    "Starting": "busy",
    "Executing": "busy",
    "Waiting": "quiet",
    "Skipped": "quiet",
    "NO_LABELS": "quiet",
    "NO_MATCH": "bad",
    "UNDEFINED": "warn",
}
COLOURS = {"good": "green", "bad": "red", "warn": "yellow", "busy": "cyan", "quiet": "dim"}


def tone(status: str) -> str:
    """The tone of a status; an unknown status is quiet."""
    return TONES.get(status, "quiet")


def colour(status: str) -> str:
    """The colour of a status on a terminal."""
    return COLOURS[tone(status)]


def duration(seconds: float | None) -> str:
    """A duration for people; empty where it is unknown.

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


def step_duration(seconds: float | None, cached: bool) -> str:
    """The duration of a pipeline step for people."""
    return "cached" if cached else duration(seconds)


def count(amount: int, noun: str) -> str:
    """An amount and its noun, which takes an s in the plural.

    >>> count(1, "step"), count(2400, "row")
    ('1 step', '2,400 rows')
    """
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"
