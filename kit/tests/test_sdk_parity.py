"""The kit's steps make the requests of the SDK's classes, except for the differences listed with their reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from mlops_kit.aws.environment import Environment, bind, load_environment
from mlops_kit.definition.lineage import Lineage
from pipelines import inference, training, training_hpo
from pipelines.settings import load_settings

MISSING = "nothing"
NAMES = ("InputName", "OutputName", "ChannelName", "Key", "Name", "PropertyFileName")

UPLOADED = (
    "the SDK uploads the code at compile time, to a key with a timestamp; the kit's key has a hash of the content"
)
DRIVEN = "the SDK starts a training job with a shell script, but not a tuning job: code that trains may fail to tune"
SCRIPT_MODE = "the kit uses script mode for training and tuning: the image starts train.py from the channel code"
SPELT_OUT = "the SDK writes out a default of the API"
LEFT_OUT = "the kit writes out a default of the API"
LOST = "the SDK drops it: the job would break the policy"
BROKEN = "the SDK puts an object there that has no JSON: the definition would not compile"
NO_VARIABLE = "the SDK refuses a pipeline variable here"

# type of step -> path (* for any name) -> reason
DIFFERENCES: dict[str, dict[str, str]] = {
    "Lambda": {},
    "Processing": {
        "Arguments.ProcessingInputs[code].S3Input.S3Uri": UPLOADED,
        "Arguments.ProcessingInputs[*].S3Input.S3CompressionType": SPELT_OUT,
    },
    "QualityCheck": {
        "Arguments.NetworkConfig": BROKEN,
        "Arguments.NetworkConfig.*": BROKEN,
        "Arguments.ProcessingInputs[baseline_dataset_input].S3Input.S3DataDistributionType": LEFT_OUT,
    },
    "Training": {
        "Arguments.AlgorithmSpecification.ContainerEntrypoint[*]": DRIVEN,
        "Arguments.AlgorithmSpecification.ContainerArguments[*]": DRIVEN,
        "Arguments.InputDataConfig[sm_drivers].*": DRIVEN,
        "Arguments.InputDataConfig[code].DataSource.S3DataSource.S3Uri": UPLOADED,
        "Arguments.HyperParameters.sagemaker_*": SCRIPT_MODE,
    },
    "Tuning": {
        "Arguments.TrainingJobDefinition.InputDataConfig[sm_drivers].*": DRIVEN,
        "Arguments.TrainingJobDefinition.InputDataConfig[code].*": SCRIPT_MODE,
        "Arguments.TrainingJobDefinition.StaticHyperParameters.sagemaker_submit_directory": UPLOADED,
        "Arguments.TrainingJobDefinition.StaticHyperParameters.sagemaker_container_log_level": SCRIPT_MODE,
        "Arguments.TrainingJobDefinition.StaticHyperParameters.sagemaker_region": SCRIPT_MODE,
        "Arguments.TrainingJobDefinition.InputDataConfig[*].InputMode": LEFT_OUT,
        "Arguments.TrainingJobDefinition.EnableNetworkIsolation": LOST,
        "Arguments.TrainingJobDefinition.EnableInterContainerTrafficEncryption": LOST,
        "Arguments.TrainingJobDefinition.ResourceConfig.VolumeKmsKeyId": LOST,
        "Arguments.HyperParameterTuningJobConfig.ResourceLimits.*": NO_VARIABLE,
    },
    "Transform": {"Arguments.TransformResources.InstanceCount": NO_VARIABLE},
    "Model": {
        "Arguments.EnableNetworkIsolation": LOST,
        "Arguments.VpcConfig.*": LOST,
    },
    "RegisterModel": {"Arguments.SkipModelValidation": SPELT_OUT},
}


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a step by its path, which has the names of elements; an expression is one value."""
    if isinstance(value, dict) and not value.keys() & {"Get", "Std:Join", "Std:JsonGet"}:
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            name = next((inner[key] for key in NAMES if key in inner), index) if isinstance(inner, dict) else index
            yield from flatten(inner, f"{path}[{name}]")
    else:
        yield path, value


def plain(value: Any) -> Any:
    """A step as JSON; a value without JSON becomes the name of its class."""
    return json.loads(json.dumps(value, default=lambda value: getattr(value, "expr", type(value).__name__)))


def every_step(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        yield step
        yield from every_step([*getattr(step, "if_steps", []), *getattr(step, "else_steps", [])])


@pytest.fixture(scope="module")
def environment(project: Path) -> Environment:
    return replace(load_environment("dev", project), subnets=("subnet-1",), security_groups=("sg-1",))


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """The SDK's session in moto's AWS, without network and telemetry."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
        patch.setattr("sagemaker.core.telemetry.telemetry_logging._send_telemetry_request", lambda *_, **__: None)
        patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the SDK used the network"))
        with mock_aws():
            from sagemaker.core.workflow.pipeline_context import PipelineSession

            yield PipelineSession(boto_session=boto3.Session(region_name="eu-west-1"), default_bucket="sdk")


@pytest.fixture(scope="module")
def differences(project: Path, environment: Environment, session: Any) -> dict[str, dict[str, set[str]]]:
    """All differences: type of step -> path -> the values of the kit and of the SDK."""
    from sdk_steps import BUILDERS, Sdk

    sdk, settings = Sdk(session, project / "jobs"), load_settings(project)
    pipelines = [
        training.build(settings),
        training_hpo.build(settings),
        inference.build(settings),
        inference.build(replace(settings, batch_inference="transform")),
    ]
    by_kind: dict[str, dict[str, set[str]]] = {kind: {} for kind in BUILDERS}
    for step in (step for pipeline in pipelines for step in every_step(pipeline.steps)):
        kind = step.step_type.value
        if kind in BUILDERS:
            theirs = sdk.build(step, bind(step.arguments, environment, Lineage()))
            bodies = [bind(plain(body.to_request()), environment, Lineage()) for body in (step, theirs)]
            for path, pair in compare(*bodies):
                by_kind[kind].setdefault(path, set()).add(pair)
    return by_kind


def compare(ours: Any, theirs: Any) -> Iterator[tuple[str, str]]:
    left, right = dict(flatten(ours)), dict(flatten(theirs))
    for path in sorted(left.keys() | right.keys()):
        pair = (left.get(path, MISSING), right.get(path, MISSING))
        if pair[0] != pair[1]:
            yield path, f"{pair[0]} | {pair[1]}"


def is_listed(path: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", r".*"), path) is not None


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_the_kits_steps_make_the_requests_of_the_sdks(differences: dict[str, dict[str, set[str]]], kind: str) -> None:
    listed = DIFFERENCES[kind]
    unlisted = {
        path: pairs for path, pairs in differences[kind].items() if not any(is_listed(path, at) for at in listed)
    }
    assert unlisted == {}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_each_listed_difference_exists(differences: dict[str, dict[str, set[str]]], kind: str) -> None:
    assert [at for at in DIFFERENCES[kind] if not any(is_listed(path, at) for path in differences[kind])] == []


def test_every_type_of_step_that_the_kit_builds_is_compared(
    differences: dict[str, dict[str, set[str]]],
) -> None:
    assert differences.keys() == DIFFERENCES.keys()
