"""A definition as readable text: its parameters, and what each step needs, runs, reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.definition.model import Definition, PlacedStep
from mlops_kit.definition.references import is_expression

HASH = re.compile(r"-[0-9a-f]{16}\b")  # of the code: it changes with every job


def text_of(definition: dict[str, Any]) -> str:
    """A whole definition, without the hashes of the code."""
    parsed = Definition(definition)
    lines = ["parameters"]
    for name, parameter in parsed.parameters.items():
        among = f", one of {', '.join(parameter['EnumValues'])}" if "EnumValues" in parameter else ""
        lines.append(f"  {name}: {parameter['Type']} = {parameter['DefaultValue']}{among}")
    for step in parsed.steps:
        lines += ["", *_step(parsed, step)]
    return HASH.sub("-<hash>", "\n".join(lines)) + "\n"


def _step(definition: Definition, step: PlacedStep) -> Iterator[str]:
    branch = f", if {step.branches[-1].condition} is {str(step.branches[-1].when).lower()}" if step.branches else ""
    yield f"{step.name} ({step.type}{branch})"
    conditions = {each.condition for each in step.branches}
    if needs := sorted(definition.needs(step) - conditions):
        yield f"  needs {', '.join(needs)}"
    yield from _details(step)
    if cache := step.body.get("CacheConfig"):
        yield f"  cached for {cache['ExpireAfter']}"
    if policies := step.body.get("RetryPolicies"):
        yield f"  retries {', '.join(name for policy in policies for name in policy['ExceptionType'])}"


def _details(step: PlacedStep) -> Iterator[str]:
    arguments = step.arguments
    if step.type == "Condition":
        for condition in arguments["Conditions"]:
            yield f"  if {_condition(condition)}"
    elif step.type in ("Processing", "QualityCheck"):
        yield from _processing(step)
    elif step.type in ("Training", "Tuning"):
        yield from _training(arguments)
    else:
        yield from (f"  {path} = {value}" for path, value in _leaves(arguments) if not path.startswith("Tags"))
    if outputs := step.body.get("OutputParameters"):
        yield f"  gives {', '.join(output['OutputName'] for output in outputs)}"


def _processing(step: PlacedStep) -> Iterator[str]:
    arguments = step.arguments
    application = arguments["AppSpecification"]
    words = [*application.get("ContainerEntrypoint", []), *application.get("ContainerArguments", [])]
    yield f"  runs {' '.join(map(_value, words))}".rstrip() if words else f"  runs {application['ImageUri']}"
    cluster = arguments["ProcessingResources"]["ClusterConfig"]
    yield f"  on {_value(cluster['InstanceCount'])} x {_value(cluster['InstanceType'])}"
    for entry in arguments["ProcessingInputs"]:
        source = entry["S3Input"]
        how = ", sharded" if source["S3DataDistributionType"] == "ShardedByS3Key" else ""
        yield f"  reads {entry['InputName']} = {_value(source['S3Uri'])}{how}"
    for entry in arguments["ProcessingOutputConfig"]["Outputs"]:
        yield f"  leaves {entry['OutputName']} = {_value(entry['S3Output']['S3Uri'])}"
    for name, value in arguments.get("Environment", {}).items():
        yield f"  with {name} = {_value(value)}"
    for key in ("SkipCheck", "FailOnViolation", "RegisterNewBaseline"):
        if key in step.body:
            yield f"  {key} = {step.body[key]}"
    for key in ("SuppliedBaselineStatistics", "SuppliedBaselineConstraints"):
        if step.body.get(key):
            yield f"  {key} = {_value(step.body[key])}"


def _training(arguments: dict[str, Any]) -> Iterator[str]:
    job = arguments.get("TrainingJobDefinition", arguments)
    for path, value in _leaves(arguments.get("HyperParameterTuningJobConfig", {})):
        yield f"  {path} = {value}"
    fixed = job.get("HyperParameters", job.get("StaticHyperParameters"))
    yield f"  hyperparameters {', '.join(f'{name}={value}' for name, value in fixed.items())}"
    yield f"  on {_value(job['ResourceConfig']['InstanceCount'])} x {_value(job['ResourceConfig']['InstanceType'])}"
    for channel in job["InputDataConfig"]:
        yield f"  reads {channel['ChannelName']} = {_value(channel['DataSource']['S3DataSource']['S3Uri'])}"
    yield f"  leaves {_value(job['OutputDataConfig']['S3OutputPath'])}"


def _condition(condition: dict[str, Any]) -> str:
    if condition["Type"] == "In":
        return f"{_value(condition['QueryValue'])} in {condition['Values']}"
    return f"{_value(condition['LeftValue'])} {condition['Type']} {_value(condition['RightValue'])}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and not is_expression(value):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, _value(value)


def _value(value: Any) -> str:
    """A value, or its expression."""
    if not is_expression(value):
        return str(value) or "nothing"
    if "Get" in value:
        return f"<{value['Get']}>"
    if "Std:JsonGet" in value:
        file = value["Std:JsonGet"]["PropertyFile"]["Get"].removeprefix("Steps.")
        return f"<{file}: {value['Std:JsonGet']['Path']}>"
    join = value["Std:Join"]
    return str(join["On"]).join(map(_value, join["Values"]))
