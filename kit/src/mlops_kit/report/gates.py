"""The gates of an evaluation, and the metric of each group of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_kit.report.elements import Child, Column, Html, html, join, number, row, table
from mlops_kit.report.statuses import badge

GATES = [Column("Gate"), Column("Result"), Column("Value", "number"), Column("Limit", "number")]


def gates_of(content: Mapping[str, Any]) -> Html | None:
    """The gates in evaluation.json with their groups; None where there is none."""
    judged = (content.get("gates") or {}).get("judged") or []
    if not judged:
        return None
    results = [row(GATES, [_name(gate), _result(gate), _value(gate), str(gate["limit"])]) for gate in judged]
    return join(table("Gates", GATES, results), *(_groups(gate) for gate in judged if "by" in gate))


def _groups(gate: Mapping[str, Any]) -> Html:
    columns = [Column(str(gate["by"])), Column("Rows", "number"), Column(str(gate["metric"]), "number"), Column("Note")]
    rows = [
        row(columns, [str(group["group"]), number(group["rows"]), _value(group), _note(gate, group)])
        for group in gate["groups"]
    ]
    left_out = gate.get("groups_left_out")
    more = html("p", f"and {number(left_out)} smaller groups", class_="absent") if left_out else None
    return join(table(f"{gate['metric']} by {gate['by']}", columns, rows), more)


def _name(gate: Mapping[str, Any]) -> str:
    return f"gap of {gate['metric']} by {gate['by']}" if "by" in gate else str(gate["metric"])


def _result(gate: Mapping[str, Any]) -> Child:
    return badge("good", "met") if gate["met"] else badge("bad", "missed")


def _value(entry: Mapping[str, Any]) -> str:
    return "not defined" if entry["value"] is None else number(entry["value"])


def _note(gate: Mapping[str, Any], group: Mapping[str, Any]) -> str:
    return "" if group["counts"] else f"does not count: {number(group['counted_rows'])} {gate['counted']}"
