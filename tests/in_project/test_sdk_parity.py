"""What our steps ask for is what the SDK's own classes ask for, but for the differences listed here with their reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipelines import inference, training, training_hpo
from pipelines.environment import Environment, Lineage, bind, load_environment
from pipelines.settings import load_settings

MISSING = "nothing"
NAMES = ("InputName", "OutputName", "ChannelName", "Key", "Name", "PropertyFileName")

UPLOADS = "the SDK uploads the code while it builds, under a time; ours lies at a hash of its content"
WRAPPED = "the SDK starts a shell script of its own, which a tuning job lacks: what trains here would not tune there"
SCRIPT_MODE = "script mode, which training and tuning share: the image itself starts train.py from the channel code"
DEFAULTED = "the SDK spells out the API's default"
NO_VARIABLE = "the SDK takes a number here and refuses a pipeline variable"

# type of step -> where -> why
DIFFERENCES: dict[str, dict[str, str]] = {}


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a step by its path; elements that have a name by it, an expression as a whole."""
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
    """A step as JSON says it; what has no JSON is named after its class."""
    return json.loads(json.dumps(value, default=lambda found: getattr(found, "expr", type(found).__name__)))


def every_step(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        yield step
        yield from every_step([*getattr(step, "if_steps", []), *getattr(step, "else_steps", [])])


@pytest.fixture(scope="module")
def environment(project: Path) -> Environment:
    return replace(load_environment("dev", project), subnets=("subnet-1",), security_groups=("sg-1",))


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """The SDK's session in moto's AWS, with the network shut and without telemetry."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
        patch.setattr("sagemaker.core.telemetry.telemetry_logging._send_telemetry_request", lambda *_, **__: None)
        patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the SDK went to the network"))
        with mock_aws():
            from sagemaker.core.workflow.pipeline_context import PipelineSession

            yield PipelineSession(boto_session=boto3.Session(region_name="eu-west-1"), default_bucket="sdk")


@pytest.fixture(scope="module")
def found(project: Path, environment: Environment, session: Any) -> dict[str, dict[str, set[str]]]:
    """All differences: type of step -> where -> what stands there with us, and with the SDK."""
    import sdk_steps

    sdk_steps.JOBS = project / "jobs"
    settings = load_settings(project)
    pipelines = [
        training.build(settings),
        training_hpo.build(settings),
        inference.build(settings),
        inference.build(replace(settings, batch_inference="transform")),
    ]
    differences: dict[str, dict[str, set[str]]] = {kind: {} for kind in sdk_steps.BUILDERS}
    for step in (step for pipeline in pipelines for step in every_step(pipeline.steps)):
        kind = step.step_type.value
        if kind in sdk_steps.BUILDERS:
            theirs = sdk_steps.BUILDERS[kind](step, bind(step.arguments, environment, Lineage()), session)
            for path, pair in compare(bind(step.to_request(), environment, Lineage()), theirs.to_request()):
                differences[kind].setdefault(path, set()).add(pair)
    return differences


def compare(ours: Any, theirs: Any) -> Iterator[tuple[str, str]]:
    left, right = dict(flatten(plain(ours))), dict(flatten(plain(theirs)))
    for path in sorted(left.keys() | right.keys()):
        pair = (left.get(path, MISSING), right.get(path, MISSING))
        if pair[0] != pair[1]:
            yield path, f"{pair[0]} | {pair[1]}"


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_our_steps_ask_for_what_the_sdk_asks_for(found: dict[str, dict[str, set[str]]], kind: str) -> None:
    unlisted = {path: pairs for path, pairs in found[kind].items() if path not in DIFFERENCES[kind]}
    assert unlisted == {}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_each_listed_difference_is_still_one(found: dict[str, dict[str, set[str]]], kind: str) -> None:
    assert sorted(DIFFERENCES[kind].keys() - found[kind].keys()) == []


def test_every_type_of_step_that_we_use_is_compared(found: dict[str, dict[str, set[str]]]) -> None:
    assert found.keys() == DIFFERENCES.keys()
