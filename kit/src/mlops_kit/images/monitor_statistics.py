"""statistics.json: the distribution of the values of each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops_kit.images.monitor_columns import Column, Numbers

BUCKETS = 10
SKETCH = {"c": 0.64, "k": 2048.0}  # the sketch parameters of AWS's container
MAX_CATEGORIES = 100


def statistics_of(columns: Sequence[Column], rows: int) -> dict[str, Any]:
    """The content of statistics.json."""
    return {"version": 0.0, "dataset": {"item_count": rows}, "features": [_feature(column) for column in columns]}


def _feature(column: Column) -> dict[str, Any]:
    feature: dict[str, Any] = {"name": column.name, "inferred_type": column.type}
    common = {"num_present": column.present, "num_missing": column.missing}
    if column.type == "String":
        buckets = [{"value": text, "count": count} for text, count in list(column.counts.items())[:MAX_CATEGORIES]]
        feature["string_statistics"] = {
            "common": common,
            "distinct_count": float(len(column.counts)),
            "distribution": {"categorical": {"buckets": buckets}},
        }
    elif column.type != "Unknown":
        feature["numerical_statistics"] = {"common": common, **_numbers(column.numbers)}
    return feature


def _numbers(values: Numbers) -> dict[str, Any]:
    counts, edges = np.histogram(values, BUCKETS)
    buckets = [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return {
        "mean": float(values.mean()),
        "sum": float(values.sum()),
        "std_dev": float(values.std()),
        "min": float(values[0]),
        "max": float(values[-1]),
        "distribution": {"kll": {"buckets": buckets, "sketch": {"parameters": SKETCH, "data": sketch(values)}}},
    }


def sketch(values: Numbers) -> list[list[float]]:
    """Values as levels; a value of a level represents twice as many values as one of the level before.

    Args:
        values: sorted.
    """
    levels: list[list[float]] = []
    weight = 1
    while len(values) // weight > SKETCH["k"]:
        levels.append([])
        weight *= 2
    end = len(values) - len(values) % weight
    levels.append([float(value) for value in values[weight // 2 : end : weight]])
    remainder = values[end:]  # fewer than the weight: each represents itself
    if len(remainder) and weight > 1:
        levels[0] = [float(value) for value in remainder]
    return levels


def unfold(levels: Sequence[Sequence[float]]) -> tuple[Numbers, Numbers]:
    """The values of a sketch in order, and how many values each represents."""
    values = np.array([value for level in levels for value in level], dtype=np.float64)
    weights = np.array([2.0**index for index, level in enumerate(levels) for _ in level])
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]
