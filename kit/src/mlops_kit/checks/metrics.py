"""Metrics: a tuning job's objective is one that its training jobs report, and its ranges are tunable in its image."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from mlops_kit.checks.builtin_image import OBJECTIVES, TUNABLE, is_builtin
from mlops_kit.definition.model import Definition, Finding, PlacedStep

OBJECTIVE = "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective"
RANGES = "HyperParameterTuningJobConfig.ParameterRanges"


def check(definition: Definition) -> Iterator[Finding]:
    """Check the metrics of training and tuning jobs."""
    for step in definition.steps:
        if step.type == "Training":
            yield from _definitions(step, step.arguments, "Arguments")
        elif step.type == "Tuning":
            job = step.arguments.get("TrainingJobDefinition", {})
            yield from _definitions(step, job, "Arguments.TrainingJobDefinition")
            yield from _objective(step, job)
            if _has_builtin_image(job):
                yield from _ranges(step)


def _specification(job: dict[str, Any]) -> dict[str, Any]:
    specification: dict[str, Any] = job.get("AlgorithmSpecification", {})
    return specification


def _has_builtin_image(job: dict[str, Any]) -> bool:
    image = _specification(job).get("TrainingImage")
    return isinstance(image, str) and is_builtin(image)


def _definitions(step: PlacedStep, job: dict[str, Any], path: str) -> Iterator[Finding]:
    """The built-in image defines its own metrics."""
    if _has_builtin_image(job) and "MetricDefinitions" in _specification(job):
        problem = "are set for SageMaker's XGBoost image, which the API refuses"
        remedy = "remove them: the image has its own, and train.py reports its metrics in their format; or train in an "
        remedy += "image of your own, with training_image: own in config/pipelines.yaml"
        yield Finding(step.name, f"{path}.AlgorithmSpecification.MetricDefinitions", problem, remedy)


def _objective(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    """The objective must be a metric that the training jobs report."""
    config = step.arguments.get("HyperParameterTuningJobConfig", {})
    objective = config.get("HyperParameterTuningJobObjective", {})
    name, kind = objective.get("MetricName"), objective.get("Type")
    if not _has_builtin_image(job):
        yield from _custom_objective(step, job, name)
    elif name not in OBJECTIVES:
        problem = f"is {name!r}, which SageMaker's XGBoost image does not report"
        remedy = f"it may be {', '.join(get_close_matches(str(name), OBJECTIVES) or OBJECTIVES)}"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.MetricName", problem, remedy)
    elif kind != OBJECTIVES[name]:
        problem = f"is {kind!r}, the wrong direction for {name}"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.Type", problem, f"write {OBJECTIVES[name]}")


def _custom_objective(step: PlacedStep, job: dict[str, Any], name: Any) -> Iterator[Finding]:
    """With another image, SageMaker reads only the metrics that have a definition."""
    metrics = [str(metric.get("Name")) for metric in _specification(job).get("MetricDefinitions", [])]
    if name not in metrics:
        problem = f"is {name!r}, which no metric definition reads from the log"
        remedy = f"it may be {', '.join(metrics)}" if metrics else "give the AlgorithmSpecification MetricDefinitions"
        yield Finding(step.name, f"Arguments.{OBJECTIVE}.MetricName", problem, remedy)


def _ranges(step: PlacedStep) -> Iterator[Finding]:
    """The built-in image fixes which hyperparameters are tunable, and the types of their ranges."""
    ranges = step.arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    for key, entries in ranges.items():
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            name = entry.get("Name") if isinstance(entry, dict) else None
            path = f"Arguments.{RANGES}.{key}[{index}]"
            if name not in TUNABLE:
                problem = f"tunes {name}, which is not tunable in SageMaker's XGBoost image"
                yield Finding(step.name, path, problem, f"it may be {', '.join(TUNABLE)}")
            elif key != (expected := f"{TUNABLE[name].capitalize()}ParameterRanges"):
                yield Finding(step.name, path, f"tunes {name} in a range of the wrong type", f"move it to {expected}")
