"""How durations, amounts and statuses are written for people: the same on a terminal and on the report page."""

from __future__ import annotations

import json
import re

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
MAX_COUNTED = 2  # violations that are shown in a line
_SHARE = re.compile(r"[\d.]+% of [\d,]+ rows")
_EXAMPLE = re.compile(r"(['\"]).*?\1 \(training has (['\"]).*?\2\)")
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


def counted(output: str) -> str:
    """The output Counted of a Lambda step, the violations that follow from a batch's counts, in a few words.

    >>> found = "9.6% of 52 rows have another spelling. For example '65' (training has '00065'), '60' (...)"
    >>> counted(json.dumps([{"feature": "code", "check": "respelled_category_check", "description": found}]))
    "code: 9.6% of 52 rows, '65' (training has '00065')"
    """
    try:
        found = [(violation["feature"], violation["description"]) for violation in json.loads(output)]
    except (ValueError, KeyError, TypeError):
        return ""  # a function of one's own may have an output of this name
    more = [f"and {len(found) - MAX_COUNTED} more"] if len(found) > MAX_COUNTED else []
    return "; ".join([*(f"{feature}: {_brief(text)}" for feature, text in found[:MAX_COUNTED]), *more])


def _brief(description: str) -> str:
    share, example = _SHARE.match(description), _EXAMPLE.search(description)
    return f"{share[0]}, {example[0]}" if share and example else description.partition(";")[0]
