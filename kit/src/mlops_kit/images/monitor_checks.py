"""constraint_violations.json: where a dataset does not keep to what its baseline suggests."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlops_kit.images.monitor_columns import Column
from mlops_kit.images.monitor_statistics import unfold

STANDARD_ERRORS = 4.0  # by which a batch's completeness may lie below that of a baseline with missing cells
LUCK = 0.001  # at which it is no chance any more that all of so many negative numbers are in the batch
ROBUST = 1.8  # of Deequ's correction for small samples

Feature = Mapping[str, Any]
Violation = dict[str, str]


def violations(columns: Sequence[Column], statistics: Feature, constraints: Feature) -> list[Violation]:
    """Check columns against the statistics.json and the constraints.json of a baseline."""
    config = constraints["monitoring_config"]
    if config.get("evaluate_constraints", "Enabled") != "Enabled":
        return []
    found: list[Violation] = []
    there = {column.name: column for column in columns}
    known = {feature["name"]: feature for feature in statistics["features"]}
    for feature in constraints["features"]:
        name = feature["name"]
        if name not in there:
            found.append(_violation(name, "missing_column_check", "the baseline has this column, the dataset has not"))
            continue
        own = {**config, **feature.get("monitoringConfigOverrides", {})}
        found += _column_violations(there[name], feature, known.get(name, {}), own, statistics["dataset"]["item_count"])
    expected = {feature["name"] for feature in constraints["features"]}
    found += [
        _violation(name, "extra_column_check", "the dataset has this column, the baseline has not")
        for name in there
        if name not in expected
    ]
    return found


def _column_violations(
    column: Column, constraint: Feature, baseline: Feature, config: Feature, rows_before: float
) -> Iterator[Violation]:
    checks = {
        "data_type_check": _data_type(column, constraint, config),
        "completeness_check": _completeness(column, constraint, rows_before),
        "non_negative_check": _non_negative(column, constraint, rows_before),
        "categorical_values_check": _domain(column, constraint, config),
        "baseline_drift_check": _drift(column, baseline, config["distribution_constraints"]),
    }
    for kind, description in checks.items():
        if description:
            yield _violation(column.name, kind, description)


def _violation(name: str, kind: str, description: str) -> Violation:
    return {"feature_name": name, "constraint_check_type": kind, "description": description}


def _data_type(column: Column, constraint: Feature, config: Feature) -> str:
    expected, wanted = constraint["inferred_type"], float(config["datatype_check_threshold"])
    if "Unknown" in (expected, column.type):
        return ""
    if expected == "String":
        share = 1.0 if column.type == "String" else 0.0
    else:  # a whole number may stand among fractions, a fraction not among whole numbers
        share = column.shares["Integral"] + (column.shares["Fractional"] if expected == "Fractional" else 0.0)
    if share >= wanted:
        return ""
    return (
        f"Data type match requirement is not met. Expected data type: {expected}, Expected match: {wanted:.1%}. "
        f"Observed: Only {share:.1%} of data is {expected}."
    )


def _completeness(column: Column, constraint: Feature, rows_before: float) -> str:
    expected, rows = float(constraint["completeness"]), column.present + column.missing
    overall = (expected * rows_before + column.present) / (rows_before + rows)
    chance = STANDARD_ERRORS * math.sqrt(overall * (1 - overall) * (1 / rows_before + 1 / rows)) if expected < 1 else 0
    if column.completeness >= expected - chance:
        return ""
    return f"Completeness requirement is not met. Expected: {expected:.1%}. Observed: {column.completeness:.1%}."


def _non_negative(column: Column, constraint: Feature, rows_before: float) -> str:
    negative = int((column.numbers < 0).sum())
    if not constraint.get("num_constraints", {}).get("is_non_negative") or not negative:
        return ""
    if (column.present / (column.present + rows_before)) ** negative > LUCK:
        return ""
    return f"Non-negative requirement is not met. Observed: {negative} negative numbers, down to {column.numbers[0]:g}."


def _domain(column: Column, constraint: Feature, config: Feature) -> str:
    domains, wanted = constraint.get("string_constraints", {}).get("domains"), float(config["domain_content_threshold"])
    if not domains or column.type != "String":
        return ""
    unknown = {text: count for text, count in column.counts.items() if text not in set(domains)}
    share = 1 - sum(unknown.values()) / column.present
    if share >= wanted:
        return ""
    return (
        f"Domain content requirement is not met. Expected match: {wanted:.1%}. Observed: {share:.1%}; "
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
            sys.exit("error: the local model monitor knows no categorical_drift_method but LInfinity")
        distance = _categorical_distance(column, baseline["string_statistics"], config)
        threshold = float(config.get("categorical_comparison_threshold", threshold))
    else:
        return ""
    return f"Baseline drift distance: {distance:.4f} exceeds threshold: {threshold}" if distance > threshold else ""


def _numeric_distance(column: Column, baseline: Feature, config: Feature) -> float:
    values, weights = unfold(baseline["distribution"]["kll"]["sketch"]["data"])
    points = np.union1d(values, column.numbers)
    below = np.concatenate([[0.0], np.cumsum(weights)])[np.searchsorted(values, points, side="right")] / weights.sum()
    now_below = np.searchsorted(column.numbers, points, side="right") / len(column.numbers)
    return _corrected(float(np.abs(below - now_below).max()), baseline["common"]["num_present"], column.present, config)


def _categorical_distance(column: Column, baseline: Feature, config: Feature) -> float:
    buckets = {bucket["value"]: bucket["count"] for bucket in baseline["distribution"]["categorical"]["buckets"]}
    before = baseline["common"]["num_present"]
    if baseline["distinct_count"] > len(buckets):
        return 0.0  # so many texts that the baseline does not count each: there is nothing to compare
    texts = {*buckets, *column.counts}
    simple = max(abs(buckets.get(text, 0) / before - column.counts.get(text, 0) / column.present) for text in texts)
    return _corrected(simple, before, column.present, config)


def _corrected(simple: float, n: float, m: float, config: Feature) -> float:
    """The distance by the method that the baseline names."""
    if config.get("comparison_method", "Robust") != "Robust":
        return simple
    return max(0.0, simple - ROBUST * math.sqrt((n + m) / (n * m)))
