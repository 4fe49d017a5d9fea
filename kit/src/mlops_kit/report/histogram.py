"""A numeric feature as it was when the model was trained, and as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.report.elements import Html, html, number

WIDTH, HEIGHT = 320.0, 96.0
MOST_TIMES_HIGHER = 4  # a higher peak is cut off: beside it the other distribution could not be seen


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: from, to, and how many values fell there."""

    low: float
    high: float
    count: float


def bars_of(feature: Mapping[str, Any]) -> list[Bar]:
    """The histogram of a numeric feature in statistics.json; empty where it has none."""
    distribution = (feature.get("numerical_statistics") or {}).get("distribution") or {}
    buckets = (distribution.get("kll") or {}).get("buckets") or []
    return [Bar(float(one["lower_bound"]), float(one["upper_bound"]), float(one["count"])) for one in buckets]


def two_histograms(before: Sequence[Bar], after: Sequence[Bar], label: str) -> Html:
    """Two distributions over one axis, each with an area of 1, since the numbers of rows differ.

    Args:
        before: drawn as an outline.
        after: filled.
        label: says what is seen.
    """
    low, high = min(bar.low for bar in (*before, *after)), max(bar.high for bar in (*before, *after))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    peaks = sorted(max(block.density for block in _wide(bars, low, high)) for bars in (before, after))
    frame = _Frame(low, high, min(peaks[1], MOST_TIMES_HIGHER * peaks[0]) or peaks[1] or 1.0)
    return html(
        "svg",
        html("path", d=frame.outline(_wide(after, low, high)), class_="after"),
        html("path", d=frame.outline(_wide(before, low, high)), class_="before"),
        html("line", x1=0, x2=WIDTH, y1=HEIGHT, y2=HEIGHT, class_="base"),
        html("text", number(low), x=0, y=HEIGHT + 14),
        html("text", number(high), x=WIDTH, y=HEIGHT + 14, text_anchor="end"),
        class_="histogram",
        viewBox=f"-1 -2 {WIDTH + 2:g} {HEIGHT + 19:g}",
        role="img",
        aria_label=label,
    )


@dataclass(frozen=True)
class _Block:
    """A bar to draw: its height is what makes the area of all blocks 1."""

    low: float
    high: float
    density: float


def _wide(bars: Sequence[Bar], low: float, high: float) -> list[_Block]:
    """Bars with a width: that of a feature with a single value has none, and would be infinitely high."""
    total, thinnest = sum(bar.count for bar in bars) or 1.0, (high - low) / 100
    widths = [max(bar.high - bar.low, thinnest) for bar in bars]
    return [
        _Block(bar.low, bar.low + width, bar.count / total / width) for bar, width in zip(bars, widths, strict=True)
    ]


@dataclass(frozen=True)
class _Frame:
    """What is seen: from, to, and the highest density."""

    low: float
    high: float
    tallest: float

    def outline(self, blocks: Sequence[_Block]) -> str:
        """A line over blocks, from the base to the base."""
        over = []
        for block in blocks:
            y = HEIGHT * max(0.0, 1 - block.density / self.tallest)
            over += [f"{self._x(block.low)} {y:.1f}", f"{self._x(block.high)} {y:.1f}"]
        start, end = self._x(blocks[0].low), self._x(blocks[-1].high)
        return f"M{start} {HEIGHT:g}L{'L'.join(over)}L{end} {HEIGHT:g}"

    def _x(self, value: float) -> str:
        return f"{WIDTH * (value - self.low) / (self.high - self.low):.1f}"
