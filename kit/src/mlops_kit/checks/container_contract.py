"""Inside the container: what a job is told fits what it is given, which the API does not look at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks.references import tuned
from mlops_kit.definition.model import Definition, Finding, PlacedStep, texts

PROCESSING = "/opt/ml/processing/"
CODE = "sagemaker_submit_directory"
CHANNEL = re.compile(r"/opt/ml/input/data/([^/]+)")


def check(definition: Definition) -> Iterator[Finding]:
    """Compare folders, channels and names on both sides of each container's wall."""
    for step in definition.steps:
        yield from _fetched(step)
        if step.type == "Processing":
            yield from _folders(step)
        elif step.type == "Training":
            yield from _channels(step, step.arguments, "Arguments", "HyperParameters")
        elif step.type == "Tuning":
            job = step.arguments.get("TrainingJobDefinition", {})
            yield from _channels(step, job, "Arguments.TrainingJobDefinition", "StaticHyperParameters")
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


def _fetched(step: PlacedStep) -> Iterator[Finding]:
    """An isolated container cannot fetch its code: a channel or the model's artifact has to bring it."""
    isolated = '"EnableNetworkIsolation": true' in json.dumps(step.own)
    for path, text in texts(step.own, "") if isolated else ():
        if CODE in path.lower() and text.strip('"').startswith("s3://"):
            remedy = "let a channel or the model's artifact bring it, and name the place in the container"
            yield Finding(step.name, path, "lies in S3, which an isolated container does not reach", remedy)


def _fixed_and_searched(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    for name in tuned(step):
        if name in job.get("StaticHyperParameters", {}):
            path = f"Arguments.TrainingJobDefinition.StaticHyperParameters.{name}"
            yield Finding(step.name, path, "is fixed and searched", "leave it out of one of them: the API refuses both")
