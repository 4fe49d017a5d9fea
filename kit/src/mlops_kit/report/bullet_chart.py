"""A metric against its threshold, as a bullet chart.

Lengths are percentages, so that the chart fits any width while its lines keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_jobs.metric_names import Metric, known_metric
from mlops_kit.report.elements import Html, html, number

HEADROOM = 1.15  # the axis ends this much beyond the largest value


@dataclass(frozen=True)
class Measure:
    """A metric's value, its threshold, and the champion's value where they were compared."""

    metric: Metric
    value: float
    threshold: float
    met: bool
    champion: float | None = None

    @property
    def bound(self) -> str:
        """The threshold in words."""
        return f"{self.metric.bound} {number(self.threshold)}"


def measure_of(content: Mapping[str, Any], met: bool, champion: float | None = None) -> Measure | None:
    """The measure in evaluation.json or verdict.json; None where it has no value."""
    value, threshold = content.get("value"), content.get("threshold")
    if not _finite(value) or not _finite(threshold):
        return None
    known = known_metric(str(content.get("metric")))
    metric = Metric(known.name, bool(content.get("lower_is_better", known.lower_is_better)))  # older files lack it
    return Measure(metric, float(value), float(threshold), met, champion)  # type: ignore[arg-type]


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def bullet_chart(measure: Measure, label: str) -> Html:
    """A bar for the value, a line at the threshold, a tint for the accepted range, and a diamond for the champion.

    Args:
        measure: the values.
        label: the same in words, for screen readers.
    """
    champions = [] if measure.champion is None else [measure.champion]
    low, high = _axis([measure.value, measure.threshold, *champions])

    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    line = f"{at(measure.threshold):.2f}%"
    accepted = (0.0, at(measure.threshold)) if measure.metric.lower_is_better else (at(measure.threshold), 100.0)
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
    """The range of the axis: it includes 0, and ends at 1 where all numbers may be shares."""
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    if low == 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return (low * HEADROOM, high * HEADROOM) if high > low else (0.0, 1.0)
