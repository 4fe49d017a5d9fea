"""Print the results of a job, one line for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def print_report(report: Mapping[str, Any]) -> None:
    """Print a line for each entry of a report."""
    for name, value in report.items():
        print(f"{name.replace('_', ' ')}: {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
