"""Inside the container: paths and channels that a job's arguments name exist there; the API does not check them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks.references import tuned
from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import texts

PROCESSING = "/opt/ml/processing/"
CODE = "sagemaker_submit_directory"
CHANNEL = re.compile(r"/opt/ml/input/data/([^/]+)")


def check(definition: Definition) -> Iterator[Finding]:
    """Check the folders, channels and names that each job uses in its container."""
    for step in definition.steps:
        yield from _remote_code(step)
        if step.type == "Processing":
            yield from _folders(step)
        elif step.type == "Training":
            yield from _channels(step, step.arguments, "Arguments", "HyperParameters")
        elif step.type == "Tuning":
            job = step.arguments.get("TrainingJobDefinition", {})
            yield from _channels(step, job, "Arguments.TrainingJobDefinition", "StaticHyperParameters")
            yield from _static_and_tuned(step, job)


def _folders(step: PlacedStep) -> Iterator[Finding]:
    """A script reads and writes files only in the folders of inputs and outputs."""
    folders = [entry.get("S3Input", {}).get("LocalPath") for entry in step.arguments.get("ProcessingInputs", [])]
    outputs = step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    folders += [entry.get("S3Output", {}).get("LocalPath") for entry in outputs]
    specification = step.arguments.get("AppSpecification", {})
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        for index, argument in enumerate(specification.get(key, [])):
            if _is_in_container(argument) and not any(_is_below(argument, str(folder)) for folder in folders):
                path = f"Arguments.AppSpecification.{key}[{index}]"
                problem = f"names {argument}, which is in the folder of no input or output"
                yield Finding(step.name, path, problem, f"the folders are {', '.join(map(str, folders))}")


def _is_in_container(argument: Any) -> bool:
    return isinstance(argument, str) and argument.startswith(PROCESSING)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _channels(step: PlacedStep, job: dict[str, Any], path: str, key: str) -> Iterator[Finding]:
    """A hyperparameter that names the folder of a channel needs the channel."""
    channels = [str(channel.get("ChannelName")) for channel in job.get("InputDataConfig", [])]
    for name, value in job.get(key, {}).items():
        match = CHANNEL.match(value) if isinstance(value, str) else None
        if match and match[1] not in channels:
            problem = f"names {value}, and there is no channel {match[1]!r}"
            yield Finding(step.name, f"{path}.{key}.{name}", problem, f"the channels are {', '.join(channels)}")


def _remote_code(step: PlacedStep) -> Iterator[Finding]:
    """An isolated container cannot download its code: it has to be in a channel or in the model's artifact."""
    isolated = '"EnableNetworkIsolation": true' in json.dumps(step.own)
    for path, text in texts(step.own) if isolated else ():
        if CODE in path.lower() and text.strip('"').startswith("s3://"):
            remedy = "put it into a channel or the model's artifact, and give its path in the container"
            yield Finding(step.name, path, "is in S3, which an isolated container cannot reach", remedy)


def _static_and_tuned(step: PlacedStep, job: dict[str, Any]) -> Iterator[Finding]:
    for name in tuned(step):
        if name in job.get("StaticHyperParameters", {}):
            path = f"Arguments.TrainingJobDefinition.StaticHyperParameters.{name}"
            yield Finding(
                step.name, path, "is both static and tuned, which the API refuses", "remove it from one of them"
            )
