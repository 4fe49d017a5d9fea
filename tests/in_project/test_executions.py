"""Executions are started with parameters that the pipeline knows, waited for, and shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from moto.sagemaker.models import FakePipelineExecution
from moto_cloud import answer_steps, make_environment, moto_server, register_model
from rich.console import Console

from errors import JobError
from pipelines import deployment, executions, registry, status
from pipelines.environment import Environment, Lineage
from pipelines.executions import checked_parameters

START = datetime(2026, 11, 21, 10, 0, tzinfo=timezone.utc)
KINDS = ("training", "training-hpo", "inference")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def environment(endpoint: str) -> Environment:
    return make_environment(endpoint)


@pytest.fixture
def deployed(environment: Environment, project: Path) -> Environment:
    deployment.deploy(environment, project, Lineage(), say=lambda _: None)
    return environment


def step(name: str, status: str = "Succeeded", seconds: int | None = 200, **more: Any) -> dict[str, Any]:
    ended = {} if seconds is None else {"EndTime": (START + timedelta(seconds=seconds)).timestamp()}
    return {"StepName": name, "StepStatus": status, "StartTime": START.timestamp(), **ended, **more}


def shown(environment: Environment, limit: int = 1) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    status.show_all(environment, KINDS, limit, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# start


def test_an_execution_is_started_with_its_parameters(deployed: Environment) -> None:
    arn = executions.start(deployed, "training", {"MetricThreshold": "2.5", "InputDataUri": "s3://mine/data"})
    assert f":pipeline/{deployed.project}-dev-training/execution/" in arn
    answer = deployed.client("sagemaker").list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert {given["Name"]: given["Value"] for given in answer["PipelineParameters"]} == {
        "MetricThreshold": "2.5",
        "InputDataUri": "s3://mine/data",
    }


def test_what_is_not_deployed_cannot_be_started(environment: Environment) -> None:
    with pytest.raises(JobError, match=r"there is no pipeline .*-dev-training .* python -m pipelines deploy --env dev"):
        executions.start(environment, "training", {})


def test_a_parameter_that_the_pipeline_does_not_know_starts_nothing(deployed: Environment) -> None:
    with pytest.raises(JobError, match=r"has no parameter 'Treshold'; it has InputDataUri, "):
        executions.start(deployed, "training", {"Treshold": "2.5"})
    assert executions.latest(deployed, "training", 10) == []


DEFINITION = {
    "Parameters": [
        {"Name": "Rows", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Fast", "Type": "Boolean", "DefaultValue": True},
        {"Name": "Size", "Type": "String", "EnumValues": ["small", "large"], "DefaultValue": "small"},
        {"Name": "Place", "Type": "String"},
    ]
}


@pytest.mark.parametrize(
    ("name", "value"),
    [("Rows", "4"), ("Rows", "-4"), ("Rate", "4"), ("Rate", "1e-3"), ("Fast", "false"), ("Size", "large"), ("Place", "")],
)
def test_a_value_of_its_parameters_type_is_taken(name: str, value: str) -> None:
    given = {"Place": "here", name: value}
    assert {"Name": name, "Value": value} in checked_parameters(DEFINITION, given, "flats")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Rows", "4.0", r"the parameter Rows of flats must be a Integer, for example 3; it is '4.0'"),
        ("Rate", "high", r"must be a Float, for example 0.5; it is 'high'"),
        ("Rate", "nan", r"must be a Float"),
        ("Fast", "yes", r"must be a Boolean, for example True; it is 'yes'"),
        ("Size", "medium", r"must be a String of small, large, for example small; it is 'medium'"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(JobError, match=message):
        checked_parameters(DEFINITION, {"Place": "here", name: value}, "flats")


def test_a_parameter_without_a_default_must_be_given() -> None:
    with pytest.raises(JobError, match=r"Place of flats has no default; give it with --param Place="):
        checked_parameters(DEFINITION, {}, "flats")


# wait


def test_each_step_is_told_once_as_it_ends(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = executions.start(deployed, "training", {})
    made: list[FakePipelineExecution] = []
    story = [
        ("Executing", [step("Preprocess", "Executing", None)]),
        ("Executing", [step("Preprocess", CacheHitResult={}), step("Train", "Executing", None)]),
        ("Failed", [step("Preprocess", CacheHitResult={}), step("Train", "Failed", FailureReason="exit\ncode 1")]),
    ]

    def goes_on(seconds: float) -> None:
        made.append(FakePipelineExecution.__new__(FakePipelineExecution))
        set_story(len(made))

    def set_story(chapter: int) -> None:
        overall, steps = story[chapter]
        answer_steps(monkeypatch, *steps)
        status_of(monkeypatch, overall, "Train failed")

    set_story(0)
    said: list[str] = []
    execution = executions.wait(deployed, arn, said.append, goes_on)
    assert said == ["Preprocess: Succeeded (an earlier result was taken)", "Train: Failed (exit code 1)"]
    assert (execution.status, execution.reason) == ("Failed", "Train failed")


def status_of(monkeypatch: pytest.MonkeyPatch, overall: str, reason: str) -> None:
    """Let moto, whose executions all succeed, say this of every execution."""


def test_an_execution_that_is_none_is_refused(deployed: Environment) -> None:
    with pytest.raises(JobError, match="'abc' is no ARN of a pipeline execution"):
        executions.describe(deployed, "abc")
    arn = executions.start(deployed, "training", {})
    with pytest.raises(JobError, match="there is no execution .* in dev; `status` lists the latest"):
        executions.describe(deployed, arn + "x")


# status


def test_status_shows_what_is_not_there_yet(environment: Environment, project: Path) -> None:
    told = shown(environment)
    assert told.count("not deployed; python -m pipelines deploy --env dev") == 3
    assert "no model yet" in told
    deployment.deploy(environment, project, Lineage(), say=lambda _: None)
    assert "never started; python -m pipelines start training-hpo --env dev" in shown(environment)
