"""The distribution of a numeric feature in training, and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.report.elements import Html, html, number

WIDTH, HEIGHT = 320.0, 96.0
MAX_PEAK_RATIO = 4  # a higher peak is cut off, or the other distribution would be invisible


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: its range and the number of values in it."""

    low: float
    high: float
    count: float


def bars_of(feature: Mapping[str, Any]) -> list[Bar]:
    """The histogram of a numeric feature in statistics.json; empty where it has none."""
    distribution = (feature.get("numerical_statistics") or {}).get("distribution") or {}
    buckets = (distribution.get("kll") or {}).get("buckets") or []
    return [
        Bar(float(bucket["lower_bound"]), float(bucket["upper_bound"]), float(bucket["count"])) for bucket in buckets
    ]


def two_histograms(before: Sequence[Bar], after: Sequence[Bar], label: str) -> Html:
    """Two distributions over one axis, each with an area of 1, since the numbers of rows differ.

    Args:
        before: the distribution in training, an outline.
        after: the distribution now, filled.
        label: the same in words, for screen readers.
    """
    low, high = min(bar.low for bar in (*before, *after)), max(bar.high for bar in (*before, *after))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    peaks = sorted(max(block.density for block in _wide(bars, low, high)) for bars in (before, after))
    frame = _Frame(low, high, min(peaks[1], MAX_PEAK_RATIO * peaks[0]) or peaks[1] or 1.0)
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
    """A bar to draw; the heights give all blocks together an area of 1."""

    low: float
    high: float
    density: float


def _wide(bars: Sequence[Bar], low: float, high: float) -> list[_Block]:
    """Bars with a minimum width: a feature with a single value would have one of infinite height."""
    total, thinnest = sum(bar.count for bar in bars) or 1.0, (high - low) / 100
    widths = [max(bar.high - bar.low, thinnest) for bar in bars]
    return [
        _Block(bar.low, bar.low + width, bar.count / total / width) for bar, width in zip(bars, widths, strict=True)
    ]


@dataclass(frozen=True)
class _Frame:
    """The visible range, and the highest visible density."""

    low: float
    high: float
    tallest: float

    def outline(self, blocks: Sequence[_Block]) -> str:
        """The outline of blocks, from base line to base line."""
        over = []
        for block in blocks:
            y = HEIGHT * max(0.0, 1 - block.density / self.tallest)
            over += [f"{self._x(block.low)} {y:.1f}", f"{self._x(block.high)} {y:.1f}"]
        start, end = self._x(blocks[0].low), self._x(blocks[-1].high)
        return f"M{start} {HEIGHT:g}L{'L'.join(over)}L{end} {HEIGHT:g}"

    def _x(self, value: float) -> str:
        return f"{WIDTH * (value - self.low) / (self.high - self.low):.1f}"
