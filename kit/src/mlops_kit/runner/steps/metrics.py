"""The metrics in a training job's log, parsed like SageMaker does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_kit.checks.builtin_image import is_builtin, metric_definitions
from mlops_kit.runner.failures import client_error

Definitions = Sequence[Mapping[str, str]]

_METRIC_LINE = re.compile(r"\[[0-9]+\].*\t(\w+)-([\w-]+):(\S+)")


def definitions_of(specification: Mapping[str, Any]) -> Definitions:
    """The metric definitions of an AlgorithmSpecification: its own, or those of its built-in image.

    Raises:
        StepFailedError: it has its own for SageMaker's XGBoost image, which SageMaker rejects.
    """
    definitions: Definitions = specification.get("MetricDefinitions", [])
    if not is_builtin(specification.get("TrainingImage", "")):
        return definitions
    if definitions:
        raise client_error(
            "You can't override the metric definitions for Amazon SageMaker algorithms: "
            "remove MetricDefinitions, SageMaker's XGBoost image has its own"
        )
    return metric_definitions()


def parse_metrics(definitions: Definitions, log: str) -> dict[str, float]:
    """The last value of each metric in a log, which is searched line by line.

    Raises:
        StepFailedError: the match of a definition's expression is not a number.
    """
    values = {}
    for definition in definitions:
        expression = re.compile(definition["Regex"])
        matches = [match for line in log.splitlines() if (match := _search(expression, line))]
        if matches:
            last = matches[-1][1] if expression.groups else matches[-1][0]
            try:
                values[definition["Name"]] = float(last)
            except ValueError:
                raise client_error(
                    f"the metric {definition['Name']} is {last!r} in the log, which is not a number"
                ) from None
    return values


def _search(expression: re.Pattern[str], line: str) -> re.Match[str] | None:
    """Search a line as it was printed, and as in SageMaker's log, with #011 for a tab."""
    return expression.search(line) or expression.search(line.replace("\t", "#011"))


def readable(line: str) -> str:
    """The last line of a log, with a metric in XGBoost's format as name and value."""
    match = _METRIC_LINE.fullmatch(line)
    return f"{match[1]}:{match[2]}={match[3]}" if match else line
