"""The policy: what every job of every project has, beyond what the API asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks import instance_types
from mlops_kit.definition.model import Definition, Finding, PlacedStep, is_expression, parse_reference, texts

ENCRYPT = "name the project's key: ${kms_key_arn}"
ISOLATE = "set it to true: a job needs no way out of its container"
MINGLE = "set it to true: what instances tell one another is data, too"
NETWORK = "give the project's private network: ${subnets} and ${security_groups}"
TAG = "give tags: without them nobody knows whose costs they are"
ROLE = "give the pipeline's role: ${role_arn}"
LIMIT = "set a limit: a job that hangs costs until it ends"

# Paths into the arguments, and what to do where nothing stands there.
_PROCESSING = {
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId": ENCRYPT,
    "ProcessingOutputConfig.KmsKeyId": ENCRYPT,
    "NetworkConfig.VpcConfig.Subnets": NETWORK,
    "NetworkConfig.VpcConfig.SecurityGroupIds": NETWORK,
    "NetworkConfig.EnableNetworkIsolation": ISOLATE,
    "NetworkConfig.EnableInterContainerTrafficEncryption": MINGLE,
    "RoleArn": ROLE,
    "StoppingCondition.MaxRuntimeInSeconds": LIMIT,
    "Tags": TAG,
}
_TRAINING = {
    "ResourceConfig.VolumeKmsKeyId": ENCRYPT,
    "OutputDataConfig.KmsKeyId": ENCRYPT,
    "VpcConfig.Subnets": NETWORK,
    "VpcConfig.SecurityGroupIds": NETWORK,
    "EnableNetworkIsolation": ISOLATE,
    "EnableInterContainerTrafficEncryption": MINGLE,
    "RoleArn": ROLE,
    "StoppingCondition.MaxRuntimeInSeconds": LIMIT,
}
REQUIRED = {
    "Processing": _PROCESSING,
    "QualityCheck": _PROCESSING,
    "ClarifyCheck": _PROCESSING,
    "Training": _TRAINING | {"Tags": TAG},
    "Tuning": {f"TrainingJobDefinition.{path}": remedy for path, remedy in _TRAINING.items()} | {"Tags": TAG},
    "Transform": {
        "TransformResources.VolumeKmsKeyId": ENCRYPT,
        "TransformOutput.KmsKeyId": ENCRYPT,
        "Tags": TAG,
    },
    "Model": {
        "VpcConfig.Subnets": NETWORK,
        "VpcConfig.SecurityGroupIds": NETWORK,
        "EnableNetworkIsolation": ISOLATE,
        "ExecutionRoleArn": ROLE,
        "Tags": TAG,
    },
}

STEP_FAULTS = ("Step.SERVICE_FAULT", "Step.THROTTLING")
JOB_FAULTS = ("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT")
RETRIED = {
    "Processing": STEP_FAULTS + JOB_FAULTS,
    "Training": STEP_FAULTS + JOB_FAULTS,
    "Tuning": STEP_FAULTS + JOB_FAULTS,
    "Transform": STEP_FAULTS + JOB_FAULTS,
    "Model": STEP_FAULTS,
    "RegisterModel": STEP_FAULTS,
}
KEY_PLACE = re.compile(r"\.(Volume)?KmsKeyId(?P<inside>\..+)?$")
KEY = re.compile(r"(arn:[\w-]+:kms:[\w-]+:\d{12}:key/)?[\w-]+")


def check(definition: Definition) -> Iterator[Finding]:
    """Look for what is missing on each step, and at the defaults of the parameters."""
    for step in definition.steps:
        for path, remedy in REQUIRED.get(step.type, {}).items():
            problem = _missing(_at(step.arguments, path), path)
            if problem:
                yield Finding(step.name, f"Arguments.{path}", problem, remedy)
        yield from _keys(definition, step)
        yield from _machines(definition, step)
        yield from _retries(step)
    for name, parameter in definition.parameters.items():
        if parameter.get("DefaultValue") in (None, ""):
            remedy = "give one: a schedule or an event starts the pipeline without parameters"
            yield Finding("", f"Parameters.{name}", "has no default", remedy)


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _missing(value: Any, path: str) -> str:
    """What is wrong with what stands at a path; empty where all is well."""
    if value in (None, "", [], {}):
        return "is missing"
    if path.rpartition(".")[2].startswith("Enable") and value is not True:
        return "can be turned off by a parameter" if is_expression(value) else "is not true"
    return ""


def _keys(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """The key is the environment's: its placeholder, and once that is filled a key itself, not an alias."""
    for path, text in texts(step.own, "") if step.type in REQUIRED else ():
        if match := KEY_PLACE.search(path):
            if match["inside"]:
                yield Finding(step.name, path, "lets an execution choose the key", ENCRYPT)
            elif definition.is_bound and not KEY.fullmatch(text):
                remedy = "give the id or the ARN of a key: SageMaker takes no alias for a volume"
                yield Finding(step.name, path, f"is {text!r}", remedy)
            elif not definition.is_bound and text != "${kms_key_arn}":
                yield Finding(step.name, path, f"is {text!r}", ENCRYPT)


def _machines(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """A machine must be one whose volume the key can encrypt, and so must a parameter's default."""
    for path, value in instance_types.with_key(step.own["Arguments"], "Arguments"):
        reference = parse_reference(value.get("Get")) if isinstance(value, dict) else None
        if instance_types.has_local_storage(value):
            yield Finding(step.name, path, f"is {value!r}", f"take {instance_types.WITHOUT}")
        elif reference and reference.root == "Parameters":
            default = definition.parameters.get(reference.name, {}).get("DefaultValue")
            if instance_types.has_local_storage(default):
                problem = f"has the default {default!r} (used in {path})"
                yield Finding(step.name, f"Parameters.{reference.name}", problem, f"take {instance_types.WITHOUT}")


def _retries(step: PlacedStep) -> Iterator[Finding]:
    """What SageMaker does wrong by itself is tried again; a retry policy of another type is refused by it."""
    wanted = RETRIED.get(step.type, ())
    policies = step.body.get("RetryPolicies", [])
    found = [name for policy in policies for name in policy.get("ExceptionType", [])]
    for name in wanted:
        if name not in found:
            yield Finding(step.name, "RetryPolicies", f"do not retry {name}", "add a retry policy for it")
    for name in found:
        if name not in wanted:
            may_be = f"it may be {', '.join(wanted)}" if wanted else f"a {step.type} step takes no retry policy"
            yield Finding(step.name, "RetryPolicies", f"retry {name}, which SageMaker refuses here", may_be)
    for index, policy in enumerate(policies):
        if ("MaxAttempts" in policy) == ("ExpireAfterMin" in policy):
            remedy = "give one of MaxAttempts and ExpireAfterMin"
            yield Finding(step.name, f"RetryPolicies[{index}]", "have two ends, or none", remedy)
