"""Executions are started with the parameters of the pipeline, waited for, and shown."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from mlops_jobs.errors import UserError
from mlops_kit.aws import deployment, executions, registry, status
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.executions import checked_parameters
from mlops_kit.definition.lineage import Lineage
from moto_cloud import ARN, START, register_model, tell

KINDS = ("training", "training-hpo", "inference")


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
    assert {entry["Name"]: entry["Value"] for entry in answer["PipelineParameters"]} == {
        "MetricThreshold": "2.5",
        "InputDataUri": "s3://mine/data",
    }


def test_a_pipeline_that_is_not_deployed_cannot_be_started(environment: Environment) -> None:
    with pytest.raises(UserError, match=r"there is no pipeline .*-dev-training .* mlops deploy --env dev"):
        executions.start(environment, "training", {})


def test_an_unknown_parameter_starts_nothing(deployed: Environment) -> None:
    with pytest.raises(UserError, match=r"has no parameter 'Treshold'; it has InputDataUri, "):
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
    [
        ("Rows", "4"),
        ("Rows", "-4"),
        ("Rate", "4"),
        ("Rate", "1e-3"),
        ("Fast", "false"),
        ("Size", "large"),
        ("Place", ""),
    ],
)
def test_a_value_of_its_parameters_type_is_accepted(name: str, value: str) -> None:
    values = {"Place": "here", name: value}
    assert {"Name": name, "Value": value} in checked_parameters(DEFINITION, values, "flats")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Rows", "4.0", r"the parameter Rows of flats must be of the type Integer, for example 3; it is '4.0'"),
        ("Rate", "high", r"must be of the type Float, for example 0.5; it is 'high'"),
        ("Rate", "nan", r"must be of the type Float"),
        ("Fast", "yes", r"must be of the type Boolean, for example True; it is 'yes'"),
        ("Size", "medium", r"must be of the type String, one of small, large, for example small; it is 'medium'"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked_parameters(DEFINITION, {"Place": "here", name: value}, "flats")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("training", "TrainingInstanceType"), ("training-hpo", "ProcessingInstanceType"), ("inference", "InstanceType")],
)
def test_an_instance_type_of_the_other_kind_starts_nothing(deployed: Environment, kind: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} of .* is 'ml.g5.xlarge'; it must be an instance type without local"):
        executions.start(deployed, kind, {name: "ml.g5.xlarge"})
    assert executions.latest(deployed, kind, 10) == []
    assert executions.start(deployed, kind, {name: "ml.c5.xlarge"})


def test_a_definition_without_a_key_takes_types_with_local_storage_only() -> None:
    resources = {"InstanceType": {"Get": "Parameters.Place"}, "VolumeSizeInGB": 30}
    definition = {**DEFINITION, "Steps": [{"Name": "Train", "Arguments": {"ResourceConfig": resources}}]}
    with pytest.raises(UserError, match=r"Place of flats is 'ml.m5.large'; it must be an instance type with local sto"):
        checked_parameters(definition, {"Place": "ml.m5.large"}, "flats")
    assert checked_parameters(definition, {"Place": "ml.g5.xlarge"}, "flats")


def test_a_parameter_without_a_default_is_required() -> None:
    with pytest.raises(UserError, match=r"Place of flats has no default; set it with --param Place="):
        checked_parameters(DEFINITION, {}, "flats")


# wait


def test_each_step_is_printed_once_as_it_ends(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = executions.start(deployed, "training", {})
    done = step("Preprocess", CacheHitResult={})
    failed = step("Train", "Failed", FailureReason="exit\ncode 1")
    tell(monkeypatch, step("Preprocess", "Executing", None), status="Executing")
    states = iter(
        [
            partial(tell, monkeypatch, done, step("Train", "Executing", None), status="Executing"),
            partial(tell, monkeypatch, done, failed, status="Failed", reason="the step Train\nfailed"),
        ]
    )
    printed: list[str] = []
    execution = executions.wait(deployed, arn, printed.append, pause=lambda seconds: next(states)())
    assert printed == ["Preprocess: Succeeded (an earlier result was taken)", "Train: Failed (exit code 1)"]
    assert (execution.status, execution.reason) == ("Failed", "the step Train failed")


def test_an_unknown_execution_is_refused(deployed: Environment) -> None:
    with pytest.raises(UserError, match="'abc' is not the ARN of an execution"):
        executions.describe(deployed, "abc")
    arn = executions.start(deployed, "training", {})
    with pytest.raises(UserError, match=r"there is no execution .* in dev; `mlops status` lists the latest"):
        executions.describe(deployed, arn + "x")


# status


def test_what_does_not_exist_yet_is_shown_with_the_command_that_creates_it(
    environment: Environment, project: Path
) -> None:
    text = shown(environment)
    assert text.count("not deployed; mlops deploy --env dev") == 3
    assert "no model yet" in text
    deployment.deploy(environment, project, Lineage(), say=lambda _: None)
    assert "never started; mlops start training-hpo --env dev" in shown(environment)


def test_the_latest_executions_are_shown_with_their_steps(
    deployed: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (executions.start(deployed, "training", {}).rpartition("/")[2] for _ in range(2))
    tell(monkeypatch, step("Preprocess"))
    latest, both = shown(deployed), shown(deployed, limit=2)
    assert second in latest
    assert first not in latest
    assert both.index(second) < both.index(first)
    assert re.search(r"Preprocess +Succeeded +3 min 20 s", latest)


@pytest.mark.parametrize(
    ("parameters", "shown_trigger"),
    [
        ({}, ""),
        ({"Trigger": "schedule"}, "started by schedule"),
        (
            {"Trigger": "new-data", "TriggerKey": "data/training/[x].csv", "TriggerVersion": "3sL4"},
            "started by new-data: data/training/[x].csv",
        ),
        ({"Trigger": "new-data", "TriggerKey": "a\x1b[2J\nb.csv"}, r"started by new-data: 'a\x1b[2J\nb.csv'"),
    ],
)
def test_the_trigger_of_an_execution_is_shown_unless_a_person_started_it(
    deployed: Environment, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], shown_trigger: str
) -> None:
    tell(monkeypatch)
    identity = executions.start(deployed, "training", parameters).rpartition("/")[2]
    (line,) = (line for line in shown(deployed).splitlines() if identity in line)
    assert line.rstrip().endswith(shown_trigger or " s")


def test_an_unknown_trigger_starts_nothing(deployed: Environment) -> None:
    with pytest.raises(UserError, match=r"Trigger of .* must be of the type String, one of manual, schedule, new"):
        executions.start(deployed, "inference", {"Trigger": "whim"})


SPELLED = "9.6% of 52 rows have a category in another spelling. For example '65' (training has '00065'), '60' (...)"
EMPTY = "8.0% of 52 rows have no value; of the training data 0.0% had none"
COUNTED = [{"feature": name, "description": text} for name, text in (("code", SPELLED), ("area", EMPTY), ("b", EMPTY))]


def test_a_failed_execution_is_shown_with_its_reason(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, step("Train", "Failed", 5, FailureReason="no\nroom"), status="Failed", reason="Train\nfailed")
    text = shown(environment)
    assert re.search(r"abc123 +Failed +.* 5\.0 s\n +Train failed\n +Train +Failed +5\.0 s +no room", text)


def test_a_reason_that_is_a_steps_own_is_shown_once(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, step("Train", "Failed", 5, FailureReason="no room"), status="Failed", reason="Train: no room")
    text = shown(environment)
    assert text.count("no room") == len(KINDS), "each pipeline has this execution"


@pytest.mark.parametrize(
    ("metadata", "note"),
    [
        ({"Condition": {"Outcome": "True"}}, "true"),
        ({"Fail": {"ErrorMessage": "rmse is 3,\nmust be 2"}}, "rmse is 3, must be 2"),
        (
            {
                "Lambda": {
                    "OutputParameters": [
                        {"Name": "DataQuality", "Value": "VIOLATION"},
                        {"Name": "Violations", "Value": "2"},
                        {"Name": "LabelsUri", "Value": "s3://bucket/labels"},
                    ]
                }
            },
            "DataQuality VIOLATION, Violations 2",
        ),
        (
            {
                "Lambda": {
                    "OutputParameters": [
                        {"Name": "Violations", "Value": "3"},
                        {"Name": "Counted", "Value": json.dumps(COUNTED)},
                    ]
                }
            },
            "Violations 3, code: 9.6% of 52 rows, '65' (training has '00065'); area: 8.0% of 52 rows have no value; "
            "and 1 more",
        ),
        ({"Lambda": {"OutputParameters": [{"Name": "Counted", "Value": "of another function"}]}}, ""),
        ({"ProcessingJob": {"Arn": "arn"}}, ""),
    ],
)
def test_the_outcome_of_a_step_is_shown(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, Any], note: str
) -> None:
    tell(monkeypatch, step("A", Metadata=metadata), status="Succeeded")
    assert executions.describe(environment, ARN).steps[0].note == note


def test_models_are_shown_with_the_decision(environment: Environment) -> None:
    register_model(environment, {"value": "2.0949999"})
    register_model(environment, {"kind": "training-hpo", "value": "unknown"})
    registry.approve(environment, 1, comment="good on [all] districts")
    text = shown(environment)
    assert re.search(r"version 2 +PendingManualApproval .* training-hpo +rmse$", text, re.MULTILINE)
    assert re.search(r"version 1 +Approved .* training +rmse 2.095 +good on \[all\] districts", text)
    assert text.index("version 2") < text.index("version 1")


@pytest.mark.parametrize(
    ("seconds", "duration"), [(0, "0.0 s"), (59, "59.0 s"), (60, "1 min 00 s"), (3_660, "1 h 01 min")]
)
def test_durations_are_readable(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, seconds: int, duration: str
) -> None:
    tell(monkeypatch, step("A", seconds=seconds), status="Succeeded")
    assert f" {duration}" in shown(environment).splitlines()[2]


def test_a_running_step_is_shown_with_the_elapsed_time(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, step("Train", "Executing", None), status="Executing")
    assert re.search(r"Train +Executing +\d+ h \d+ min$", shown(environment), re.MULTILINE)
    tell(monkeypatch, {"StepName": "Train", "StepStatus": "Starting"}, status="Executing")
    assert re.search(r"Train +Starting$", shown(environment), re.MULTILINE)


def test_a_terminal_shows_statuses_in_colours(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(monkeypatch, step("Train"), status="Succeeded")
    execution = executions.describe(environment, ARN)
    terminal = Console(force_terminal=True, color_system="standard", legacy_windows=False)
    status.show_one(environment, execution, terminal)
    assert re.search(r"Train +\x1b\[32mSucceeded", capsys.readouterr().out)


def test_without_a_terminal_lines_are_not_wrapped_or_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    status.status_console().print(Text("long " * 100, "red"))
    assert capsys.readouterr().out == "long " * 100 + "\n"
