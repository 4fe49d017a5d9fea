"""constraint_violations.json: how a dataset violates the constraints of its baseline."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlops_kit.images.monitor_columns import Column
from mlops_kit.images.monitor_statistics import unfold

ROBUST = 1.8  # the factor of Deequ's correction for small samples

Feature = Mapping[str, Any]
Violation = dict[str, str]


def violations(columns: Sequence[Column], statistics: Feature, constraints: Feature) -> list[Violation]:
    """Check columns against the statistics.json and the constraints.json of a baseline."""
    config = constraints["monitoring_config"]
    if config.get("evaluate_constraints", "Enabled") != "Enabled":
        return []
    violated: list[Violation] = []
    present = {column.name: column for column in columns}
    statistics_of = {feature["name"]: feature for feature in statistics["features"]}
    for feature in constraints["features"]:
        name = feature["name"]
        if name not in present:
            violated.append(_violation(name, "missing_column_check", "the column is missing in the dataset"))
            continue
        own = {**config, **feature.get("monitoringConfigOverrides", {})}
        violated += _column_violations(present[name], feature, statistics_of.get(name, {}), own)
    expected = {feature["name"] for feature in constraints["features"]}
    violated += [
        _violation(name, "extra_column_check", "the column is missing in the baseline")
        for name in present
        if name not in expected
    ]
    return violated


def _column_violations(column: Column, constraint: Feature, baseline: Feature, config: Feature) -> Iterator[Violation]:
    checks = {
        "data_type_check": _data_type(column, constraint, config),
        "completeness_check": _completeness(column, constraint),
        "non_negative_check": _non_negative(column, constraint),
        "categorical_values_check": _domain(column, constraint, config),
        "baseline_drift_check": _drift(column, baseline, config["distribution_constraints"]),
    }
    for kind, description in checks.items():
        if description:
            yield _violation(column.name, kind, description)


def _violation(name: str, kind: str, description: str) -> Violation:
    return {"feature_name": name, "constraint_check_type": kind, "description": description}


def _data_type(column: Column, constraint: Feature, config: Feature) -> str:
    expected, threshold = constraint["inferred_type"], float(config["datatype_check_threshold"])
    if "Unknown" in (expected, column.type):
        return ""
    if expected == "String":
        share = 1.0 if column.type == "String" else 0.0
    else:  # integers are valid in a Fractional column, fractions are invalid in an Integral one
        share = column.shares["Integral"] + (column.shares["Fractional"] if expected == "Fractional" else 0.0)
    if share >= threshold:
        return ""
    return (
        f"Data type match requirement is not met. Expected data type: {expected}, Expected match: {threshold:.1%}. "
        f"Observed: Only {share:.1%} of data is {expected}."
    )


def _completeness(column: Column, constraint: Feature) -> str:
    expected = float(constraint["completeness"])
    if not column.present + column.missing:
        return "Completeness requirement is not met. Observed: no rows."
    if column.completeness >= expected:
        return ""
    return f"Completeness requirement is not met. Expected: {expected:.1%}. Observed: {column.completeness:.1%}."


def _non_negative(column: Column, constraint: Feature) -> str:
    negative = int((column.numbers < 0).sum())
    if not constraint.get("num_constraints", {}).get("is_non_negative") or not negative:
        return ""
    return f"Non-negative requirement is not met. Observed: {negative} negative numbers, down to {column.numbers[0]:g}."


def _domain(column: Column, constraint: Feature, config: Feature) -> str:
    domains = constraint.get("string_constraints", {}).get("domains")
    threshold = float(config["domain_content_threshold"])
    if not domains or column.type != "String":
        return ""
    unknown = {text: count for text, count in column.counts.items() if text not in set(domains)}
    share = 1 - sum(unknown.values()) / column.present
    if share >= threshold:
        return ""
    return (
        f"Domain content requirement is not met. Expected match: {threshold:.1%}. Observed: {share:.1%}; "
        f"unknown are {', '.join(repr(text) for text in list(unknown)[:5])}."
    )


def _drift(column: Column, baseline: Feature, config: Feature) -> str:
    if config.get("perform_comparison", "Enabled") != "Enabled" or not column.present:
        return ""
    threshold = float(config["comparison_threshold"])
    if "numerical_statistics" in baseline and len(column.numbers):
        distance = _numeric_distance(column, baseline["numerical_statistics"], config)
    elif "string_statistics" in baseline and column.counts:
        if config.get("categorical_drift_method", "LInfinity") != "LInfinity":
            sys.exit("error: the local model monitor supports no categorical_drift_method but LInfinity")
        distance = _categorical_distance(column, baseline["string_statistics"], config)
        threshold = float(config.get("categorical_comparison_threshold", threshold))
    else:
        return ""
    return f"Baseline drift distance: {distance:.4f} exceeds threshold: {threshold}" if distance > threshold else ""


def _numeric_distance(column: Column, baseline: Feature, config: Feature) -> float:
    values, weights = unfold(baseline["distribution"]["kll"]["sketch"]["data"])
    points = np.union1d(values, column.numbers)
    below = np.concatenate([[0.0], np.cumsum(weights)])[np.searchsorted(values, points, side="right")] / weights.sum()
    batch_below = np.searchsorted(column.numbers, points, side="right") / len(column.numbers)
    simple = float(np.abs(below - batch_below).max())
    return _corrected(simple, baseline["common"]["num_present"], column.present, config)


def _categorical_distance(column: Column, baseline: Feature, config: Feature) -> float:
    buckets = {bucket["value"]: bucket["count"] for bucket in baseline["distribution"]["categorical"]["buckets"]}
    total = baseline["common"]["num_present"]
    if baseline["distinct_count"] > len(buckets):
        return 0.0  # too many texts: the baseline counts only the most frequent ones
    texts = {*buckets, *column.counts}
    simple = max(abs(buckets.get(text, 0) / total - column.counts.get(text, 0) / column.present) for text in texts)
    return _corrected(simple, total, column.present, config)


def _corrected(simple: float, n: float, m: float, config: Feature) -> float:
    """The distance, by the baseline's comparison method."""
    if config.get("comparison_method", "Robust") != "Robust":
        return simple
    return max(0.0, simple - ROBUST * math.sqrt((n + m) / (n * m)))
