"""constraints.json: the constraints that a dataset suggests for later ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlops_kit.images.monitor_columns import Column

MAX_DOMAINS = 30  # different texts, up to which a column's texts count as an enumeration

MONITORING = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}


def suggested_constraints(columns: Sequence[Column]) -> dict[str, Any]:
    """The content of constraints.json."""
    return {
        "version": 0.0,
        "features": [_feature(column) for column in columns],
        "monitoring_config": MONITORING,
    }


def _feature(column: Column) -> dict[str, Any]:
    feature: dict[str, Any] = {
        "name": column.name,
        "inferred_type": column.type,
        "completeness": column.completeness,
    }
    if column.type in ("Integral", "Fractional"):
        feature["num_constraints"] = {"is_non_negative": bool(column.numbers[0] >= 0)}
    elif column.type == "String" and len(column.counts) <= MAX_DOMAINS:
        feature["string_constraints"] = {"domains": sorted(column.counts)}
    return feature
