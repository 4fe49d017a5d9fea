"""A status on the page: a tone, a mark and always its word; tones differ in lightness as well as in hue."""

from __future__ import annotations

from mlops_kit.report.elements import Html, html
from mlops_kit.text import tone

SHAPES = {
    "good": "M3.4 8.4 6.6 11.6 12.6 4.8",
    "bad": "M4.3 4.3 11.7 11.7M11.7 4.3 4.3 11.7",
    "warn": "M8 3.4V9M8 12.2V12.4",
    "busy": "M8 4V8L10.8 9.6",
    "quiet": "M4.2 8H11.8",
}
WORDS = {
    "PendingManualApproval": "Pending approval",
    "NO_LABELS": "No labels",
    "NO_MATCH": "No match",
    "UNDEFINED": "Undefined",
    "VIOLATION": "Violation",
    "PASS": "Pass",
}


def mark(tone: str) -> Html:
    """The round mark of a tone, drawn so that it does not depend on fonts."""
    return html("svg", disc(tone), class_="mark", viewBox="0 0 16 16", width=16, height=16, aria_hidden="true")


def disc(tone: str) -> Html:
    """The same mark as part of a drawing, 16 by 16."""
    return html("g", html("circle", cx=8, cy=8, r=8), html("path", d=SHAPES[tone]), class_=f"disc {tone}")


def status(word: str) -> Html:
    """A status with its mark."""
    return badge(tone(word), WORDS.get(word, word) or "Unknown")


def badge(tone: str, words: str) -> Html:
    """Text with the mark of a tone."""
    return html("span", mark(tone), html("span", words), class_=f"status {tone}")
