"""Missing cells by column: of the training data, and of a batch beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_jobs.monitor_names import unescaped
from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.elements import Column, Html, Section, code, html, join, row, table
from mlops_kit.runner.record import StepRecord
from mlops_kit.text import count

Features = Mapping[str, Mapping[str, Any]]  # of a statistics.json, by name
CAPTION = "Missing cells and their share of the rows"
NONE = "No cell is missing"
MAX_COLUMNS = 10


def training_data_of(step: StepRecord, artifacts: Artifacts) -> Section | None:
    """The missing cells of the training split, where a step has computed its statistics and checked nothing."""
    content = artifacts.json_of(step, "statistics.json")
    if content is None or artifacts.json_of(step, "constraint_violations.json") is not None:
        return None
    features = features_of(content)
    if not any(map(_common, features.values())):
        return None
    shown = missing_cells({"Training split": features})
    return Section("Training data", "", shown or html("p", f"{NONE} in the training split.", class_="reason"))


def missing_cells(data: Mapping[str, Features]) -> Html | None:
    """The columns that have missing cells, those with most first; None if no column has any.

    Args:
        data: the features of each set of rows, by the heading of its column in the table.
    """
    shares = {
        name: max(_share(features.get(name, {})) for features in data.values())
        for name in dict.fromkeys(name for features in data.values() for name in features)
    }
    affected = sorted((name for name in shares if shares[name]), key=lambda name: -shares[name])
    if not affected:
        return None
    columns = [Column("Missing cells in"), *(Column(heading, "number") for heading in data)]
    rows = [
        row(columns, [code(name), *(_words(features.get(name, {})) for features in data.values())])
        for name in affected[:MAX_COLUMNS]
    ]
    others = len(affected) - len(rows)
    more = html("p", f"and fewer in {count(others, 'other column')}", class_="absent") if others else None
    return join(table(CAPTION, columns, rows, "figures"), more)


def features_of(statistics: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The features of a statistics.json by name."""
    return {unescaped(str(item.get("name"))): item for item in (statistics or {}).get("features") or []}


def _common(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    """The counts of present and missing cells, which a feature of either kind has."""
    kinds = (feature.get(kind) or {} for kind in ("numerical_statistics", "string_statistics"))
    return next((kind["common"] for kind in kinds if kind.get("common")), {})


def _missing(feature: Mapping[str, Any]) -> int:
    return int(_common(feature).get("num_missing") or 0)


def _rows(feature: Mapping[str, Any]) -> int:
    return int(_common(feature).get("num_present") or 0) + _missing(feature)


def _share(feature: Mapping[str, Any]) -> float:
    return _missing(feature) / (_rows(feature) or 1)


def _words(feature: Mapping[str, Any]) -> str:
    """The number of missing cells, and their share of the rows; empty for a column that is not there."""
    if not _rows(feature):
        return ""
    return f"{_missing(feature):,} ({_share(feature):.2%})" if _missing(feature) else "none"
