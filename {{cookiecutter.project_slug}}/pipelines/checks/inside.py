"""Inside the container: what a job is told fits what it is given, which the API does not look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipelines.checks.definition import Definition, Finding, PlacedStep
from pipelines.checks.references import tuned

PROCESSING = "/opt/ml/processing/"
CHANNEL = re.compile(r"/opt/ml/input/data/([^/]+)")


def check(definition: Definition) -> Iterator[Finding]:
    """Compare folders, channels and names on both sides of each container's wall."""
    for step in definition.steps:
        if step.type == "Processing":
            yield from _folders(step)
        elif step.type == "Training":
            yield from _channels(step, step.arguments, "Arguments", "HyperParameters")
        elif step.type == "Tuning":
            job = step.arguments.get("TrainingJobDefinition", {})
            yield from _channels(step, job, "Arguments.TrainingJobDefinition", "StaticHyperParameters")
            yield from _objective(step, job)
            yield from _fixed_and_searched(step, job)


def _folders(step: PlacedStep) -> Iterator[Finding]:
    """A script finds and leaves files only where an input or output lies."""
    places = [entry.get("S3Input", {}).get("LocalPath") for entry in step.arguments.get("ProcessingInputs", [])]
    outputs = step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    places += [entry.get("S3Output", {}).get("LocalPath") for entry in outputs]
    specification = step.arguments.get("AppSpecification", {})
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        for index, argument in enumerate(specification.get(key, [])):
            if _is_in_container(argument) and not any(_below(argument, str(place)) for place in places):
                path = f"Arguments.AppSpecification.{key}[{index}]"
                problem = f"names {argument}, where neither an input nor an output lies"
                yield Finding(step.name, path, problem, f"they lie at {', '.join(map(str, places))}")


def _is_in_container(argument: Any) -> bool:
    return isinstance(argument, str) and argument.startswith(PROCESSING)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _channels(step: PlacedStep, job: dict[str, Any], path: str, key: str) -> Iterator[Finding]:
    """A hyperparameter that names a channel's folder needs the channel."""
    channels = [str(channel.get("ChannelName")) for channel in job.get("InputDataConfig", [])]
    for name, value in job.get(key, {}).items():
        match = CHANNEL.match(value) if isinstance(value, str) else None
        if match and match[1] not in channels:
            problem = f"names {value}, and there is no channel {match[1]!r}"
            yield Finding(step.name, f"{path}.{key}.{name}", problem, f"the channels are {', '.join(channels)}")


def _objective(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    """A tuning can follow only a metric that its jobs report."""
    objective = step.arguments.get("HyperParameterTuningJobConfig", {}).get("HyperParameterTuningJobObjective", {})
    metrics = [metric.get("Name") for metric in job.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])]
    if metrics and objective.get("MetricName") not in metrics:
        path = "Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName"
        problem = f"is {objective.get('MetricName')!r}, which no metric definition reads from the log"
        yield Finding(step.name, path, problem, f"it may be {', '.join(map(str, metrics))}")


def _fixed_and_searched(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    for name in tuned(step):
        if name in job.get("StaticHyperParameters", {}):
            path = f"Arguments.TrainingJobDefinition.StaticHyperParameters.{name}"
            yield Finding(step.name, path, "is fixed and searched", "leave it out of one of them: the API refuses both")
