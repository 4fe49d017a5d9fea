"""The policy: what every job must have beyond what the API requires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks import instance_types
from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import is_expression, parse_reference, texts

ENCRYPT = "name the project's key: ${kms_key_arn}"
ISOLATE = "set it to true: a job needs no network access"
ENCRYPT_TRAFFIC = "set it to true: the traffic between instances is data too"
NETWORK = "give the project's private network: ${subnets} and ${security_groups}"
NO_KEY = (
    "remove its VolumeKmsKeyId: the hardware encrypts local storage, and AWS refuses a key; or use an instance type "
    "without local storage, for example ml.m5.xlarge"
)
TAG = "give tags: they allocate the costs"
ROLE = "give the pipeline's role: ${role_arn}"
LIMIT = "set a limit: a job that hangs costs money until it ends"

# Paths into the arguments, and the remedies if there is no value.
_PROCESSING = {
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId": ENCRYPT,
    "ProcessingOutputConfig.KmsKeyId": ENCRYPT,
    "NetworkConfig.VpcConfig.Subnets": NETWORK,
    "NetworkConfig.VpcConfig.SecurityGroupIds": NETWORK,
    "NetworkConfig.EnableNetworkIsolation": ISOLATE,
    "NetworkConfig.EnableInterContainerTrafficEncryption": ENCRYPT_TRAFFIC,
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
    "EnableInterContainerTrafficEncryption": ENCRYPT_TRAFFIC,
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
KEY_PATH = re.compile(r"\.(Volume)?KmsKeyId(?P<inside>\..+)?$")
KEY = re.compile(r"(arn:[\w-]+:kms:[\w-]+:\d{12}:key/)?[\w-]+")


def check(definition: Definition) -> Iterator[Finding]:
    """Check each step for missing settings, and the parameters for their defaults."""
    for step in definition.steps:
        for path, remedy in REQUIRED.get(step.type, {}).items():
            problem = _missing(_at(step.arguments, path), path)
            if problem and not (path.endswith(".VolumeKmsKeyId") and _encrypts_itself(definition, step, path)):
                yield Finding(step.name, f"Arguments.{path}", problem, remedy)
        yield from _keys(definition, step)
        yield from _instance_types(definition, step)
        yield from _retries(step)
    for name, parameter in definition.parameters.items():
        if parameter.get("DefaultValue") in (None, ""):
            remedy = "give one: schedules and events start the pipeline without parameters"
            yield Finding("", f"Parameters.{name}", "has no default", remedy)


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _missing(value: Any, path: str) -> str:
    """What is wrong with the value at a path; empty if nothing is."""
    if value in (None, "", [], {}):
        return "is missing"
    if path.rpartition(".")[2].startswith("Enable") and value is not True:
        return "can be turned off by a parameter" if is_expression(value) else "is not true"
    return ""


def _keys(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """The key is that of the environment: its placeholder or, in a bound definition, a key and not an alias."""
    for path, text in texts(step.own) if step.type in REQUIRED else ():
        if match := KEY_PATH.search(path):
            if match["inside"]:
                yield Finding(step.name, path, "lets an execution choose the key", ENCRYPT)
            elif definition.is_bound and not KEY.fullmatch(text):
                remedy = "give the id or the ARN of a key: SageMaker takes no alias for a volume"
                yield Finding(step.name, path, f"is {text!r}", remedy)
            elif not definition.is_bound and text != "${kms_key_arn}":
                yield Finding(step.name, path, f"is {text!r}", ENCRYPT)


def _instance_types(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """The volume of an instance type, also of a parameter's default, has no key that AWS refuses."""
    for path, value, has_key in instance_types.in_requests(step.own.get("Arguments"), "Arguments"):
        default, parameter = _default(definition, value)
        if not has_key or not instance_types.has_local_storage(default):
            continue
        if parameter:
            problem = f"has the default {default!r} (used in {path})"
            yield Finding(step.name, f"Parameters.{parameter}", problem, NO_KEY)
        else:
            yield Finding(step.name, path, f"is {default!r}", NO_KEY)


def _encrypts_itself(definition: Definition, step: PlacedStep, path: str) -> bool:
    """Whether the hardware encrypts the volume whose key has a path."""
    instance_type = _at(step.arguments, path.replace(".VolumeKmsKeyId", ".InstanceType"))
    return instance_types.has_local_storage(_default(definition, instance_type)[0])


def _default(definition: Definition, value: Any) -> tuple[Any, str]:
    """A value, or the default of the parameter that it refers to, with the parameter's name."""
    reference = parse_reference(value.get("Get")) if isinstance(value, dict) else None
    if reference and reference.root == "Parameters":
        return definition.parameters.get(reference.name, {}).get("DefaultValue"), reference.name
    return value, ""


def _retries(step: PlacedStep) -> Iterator[Finding]:
    """Every failure of SageMaker itself is retried; SageMaker refuses retry policies for other failures."""
    required = RETRIED.get(step.type, ())
    policies = step.body.get("RetryPolicies", [])
    retried = [name for policy in policies for name in policy.get("ExceptionType", [])]
    for name in required:
        if name not in retried:
            yield Finding(step.name, "RetryPolicies", f"do not retry {name}", "add a retry policy for it")
    for name in retried:
        if name not in required:
            remedy = f"it may be {', '.join(required)}" if required else f"a {step.type} step takes no retry policy"
            yield Finding(step.name, "RetryPolicies", f"retry {name}, which SageMaker refuses here", remedy)
    for index, policy in enumerate(policies):
        if ("MaxAttempts" in policy) == ("ExpireAfterMin" in policy):
            remedy = "give one of MaxAttempts and ExpireAfterMin"
            yield Finding(step.name, f"RetryPolicies[{index}]", "has two limits, or none", remedy)
