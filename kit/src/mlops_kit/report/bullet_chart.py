"""A metric against its threshold, as a bar. Lengths are percentages: it fits any width, and lines keep their size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_jobs.metric_names import LOWER_IS_BETTER
from mlops_kit.report.elements import Html, html, number

ROOM = 1.15  # beyond the largest value


@dataclass(frozen=True)
class Measure:
    """A metric's value held against its threshold, and against the champion's where they were compared."""

    metric: str
    value: float
    threshold: float
    met: bool
    champion: float | None = None

    @property
    def bound(self) -> str:
        """The threshold in words."""
        return f"{'at most' if self.metric in LOWER_IS_BETTER else 'at least'} {number(self.threshold)}"


def measure_of(content: Mapping[str, Any], met: bool, champion: float | None = None) -> Measure | None:
    """What evaluation.json or verdict.json measured; None where it has no value."""
    value, threshold = content.get("value"), content.get("threshold")
    if not _finite(value) or not _finite(threshold):
        return None
    return Measure(str(content.get("metric")), float(value), float(threshold), met, champion)  # type: ignore[arg-type]


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def bullet(measure: Measure, label: str) -> Html:
    """A bar of the value, a line at the threshold, the side of it that is accepted, and a diamond for the champion.

    Args:
        measure: what is drawn.
        label: says the same in words.
    """
    champions = [] if measure.champion is None else [measure.champion]
    low, high = _axis([measure.value, measure.threshold, *champions])

    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    line = f"{at(measure.threshold):.2f}%"
    accepted = (0.0, at(measure.threshold)) if measure.metric in LOWER_IS_BETTER else (at(measure.threshold), 100.0)
    tone = "good" if measure.met else "bad"
    return html(
        "svg",
        _rectangle("track", (0.0, 100.0), y=9, height=14, rx=3),
        _rectangle("accepted", accepted, y=9, height=14, rx=3),
        _rectangle(f"bar {tone}", (at(min(0.0, measure.value)), at(max(0.0, measure.value))), y=13, height=6),
        html("line", class_="threshold", x1=line, x2=line, y1=3, y2=29),
        [
            html("svg", html("path", d="M0 -6 6 0 0 6-6 0Z"), class_="champion", x=f"{at(champion):.2f}%", y=16)
            for champion in champions
        ],
        class_="bullet",
        height=32,
        role="img",
        aria_label=label,
    )


def _rectangle(class_: str, span: tuple[float, float], **attributes: float) -> Html:
    start, end = span
    return html("rect", class_=class_, x=f"{start:.2f}%", width=f"{end - start:.2f}%", **attributes)


def _axis(numbers: Sequence[float]) -> tuple[float, float]:
    """From 0, or below it, to beyond the largest; to 1 where all are shares."""
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    if low == 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return (low * ROOM, high * ROOM) if high > low else (0.0, 1.0)
