"""Metrics: what a tuning follows is what its jobs report, and its image lets be searched."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from mlops_kit.checks.builtin_image import OBJECTIVES, TUNABLE, is_stock
from mlops_kit.definition.model import Definition, Finding, PlacedStep

OBJECTIVE = "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective"
RANGES = "HyperParameterTuningJobConfig.ParameterRanges"


def check(definition: Definition) -> Iterator[Finding]:
    """Look at the metrics of training and tuning jobs."""
    for step in definition.steps:
        if step.type == "Training":
            yield from _definitions(step, step.arguments, "Arguments")
        elif step.type == "Tuning":
            job = step.arguments.get("TrainingJobDefinition", {})
            yield from _definitions(step, job, "Arguments.TrainingJobDefinition")
            yield from _objective(step, job)
            if _is_stock(job):
                yield from _ranges(step)


def _specification(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job.get("AlgorithmSpecification", {})
    return found


def _is_stock(job: dict[str, Any]) -> bool:
    image = _specification(job).get("TrainingImage")
    return isinstance(image, str) and is_stock(image)


def _definitions(step: PlacedStep, job: dict[str, Any], path: str) -> Iterator[Finding]:
    """SageMaker's own image brings its metrics along."""
    if _is_stock(job) and "MetricDefinitions" in _specification(job):
        problem = "are given to SageMaker's XGBoost image, which the API refuses"
        remedy = "leave them out: the image has its own, and train.py reports in their form"
        yield Finding(step.name, f"{path}.AlgorithmSpecification.MetricDefinitions", problem, remedy)


def _objective(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    """A tuning can follow only a metric that its jobs report."""
    config = step.arguments.get("HyperParameterTuningJobConfig", {})
    objective = config.get("HyperParameterTuningJobObjective", {})
    name, kind = objective.get("MetricName"), objective.get("Type")
    if not _is_stock(job):
        yield from _defined(step, job, name)
    elif name not in OBJECTIVES:
        problem = f"is {name!r}, which SageMaker's XGBoost image does not report"
        remedy = f"it may be {', '.join(get_close_matches(str(name), OBJECTIVES) or OBJECTIVES)}"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.MetricName", problem, remedy)
    elif kind != OBJECTIVES[name]:
        problem = f"is {kind!r}, and {name} gets better the other way"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.Type", problem, f"write {OBJECTIVES[name]}")


def _defined(step: PlacedStep, job: dict[str, Any], name: Any) -> Iterator[Finding]:
    """SageMaker knows of another image's metrics only what the definitions say."""
    metrics = [str(metric.get("Name")) for metric in _specification(job).get("MetricDefinitions", [])]
    if name not in metrics:
        problem = f"is {name!r}, which no metric definition reads from the log"
        remedy = f"it may be {', '.join(metrics)}" if metrics else "give the AlgorithmSpecification MetricDefinitions"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.MetricName", problem, remedy)


def _ranges(step: PlacedStep) -> Iterator[Finding]:
    """SageMaker's own image fixes what may be searched, and in which type of range."""
    ranges = step.arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    for key, entries in ranges.items():
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            name = entry.get("Name") if isinstance(entry, dict) else None
            path = f"Arguments.{RANGES}.{key}[{index}]"
            if name not in TUNABLE:
                problem = f"searches {name}, which SageMaker's XGBoost image does not let a tuning search"
                yield Finding(step.name, path, problem, f"it may be {', '.join(TUNABLE)}")
            elif key != (wanted := f"{TUNABLE[name].capitalize()}ParameterRanges"):
                yield Finding(step.name, path, f"searches {name} in a range of another type", f"put it among {wanted}")
