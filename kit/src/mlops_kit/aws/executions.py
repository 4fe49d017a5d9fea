"""Start executions of the deployed pipelines, wait for them, and see how they went.

Needs the IAM actions sagemaker:DescribePipeline, StartPipelineExecution and ListPipelineExecutions on the pipelines,
and sagemaker:DescribePipelineExecution, ListPipelineExecutionSteps and ListPipelineParametersForExecution on their
executions.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import refusals
from mlops_kit.aws.environment import Environment
from mlops_kit.checks import instance_types

RUNNING = ("Executing", "Stopping")

# The outputs of Lambda steps that say in a word how they came out.
TELLING_OUTPUTS = ("DataQuality", "Violations")

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_EXECUTION_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/[\w-]+/execution/\w+")


@dataclass(frozen=True)
class StepRun:
    """A step of an execution.

    Attributes:
        ended: None while it runs.
        note: why it failed, how a condition came out, or that an earlier result was taken; empty where there is nothing
            to say.
    """

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    note: str


@dataclass(frozen=True)
class Execution:
    """An execution of a pipeline.

    Attributes:
        status: Executing, Stopping, Stopped, Failed or Succeeded.
        reason: why it failed; empty where it did not.
        steps: those that have started, in that order.
    """

    arn: str
    status: str
    started: datetime
    reason: str
    steps: tuple[StepRun, ...]

    @property
    def id(self) -> str:
        """The last part of its ARN, under which its outputs lie."""
        return self.arn.rpartition("/")[2]

    @property
    def ended(self) -> datetime | None:
        """When its last step ended; None while it runs."""
        ends = [step.ended for step in self.steps if step.ended]
        return max(ends, default=None) if self.status not in RUNNING else None


def start(environment: Environment, kind: str, parameters: Mapping[str, str]) -> str:
    """Start the pipeline of a kind, and return the execution's ARN.

    Raises:
        UserError: the pipeline is not deployed, or a parameter is none of its own.
    """
    sagemaker, name = environment.client("sagemaker"), environment.pipeline_name(kind)
    with _deploy_first(environment, name):
        definition = json.loads(sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"])
        values = checked_parameters(definition, parameters, name)
        answer = sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=values)
    return str(answer["PipelineExecutionArn"])


def checked_parameters(definition: Mapping[str, Any], given: Mapping[str, str], pipeline: str) -> list[dict[str, str]]:
    """The parameters of an execution as the API wants them, which is as text.

    Raises:
        UserError: one is unknown to the definition, of another type, or a machine that cannot be; or one without a
            default is not given.
    """
    known = {parameter["Name"]: parameter for parameter in definition["Parameters"]}
    machines = [found for _, found in instance_types.with_key(definition, pipeline)]
    for name, value in given.items():
        if name not in known:
            raise UserError(f"{pipeline} has no parameter {name!r}; it has {', '.join(known)}")
        if not _fits(value, known[name]):
            of = f", one of {', '.join(known[name]['EnumValues'])}" if "EnumValues" in known[name] else ""
            usual = f", for example {known[name]['DefaultValue']}" if "DefaultValue" in known[name] else ""
            form = f"of the type {known[name]['Type']}{of}{usual}"
            raise UserError(f"the parameter {name} of {pipeline} must be {form}; it is {value!r}")
        if {"Get": f"Parameters.{name}"} in machines and instance_types.has_local_storage(value):
            raise UserError(f"the parameter {name} of {pipeline} is {value!r}; it must be {instance_types.WITHOUT}")
    for name, parameter in known.items():
        if name not in given and "DefaultValue" not in parameter:
            raise UserError(f"the parameter {name} of {pipeline} has no default; give it with --param {name}=...")
    return [{"Name": name, "Value": value} for name, value in given.items()]


def latest(environment: Environment, kind: str, limit: int) -> list[Execution] | None:
    """The latest executions of the pipeline of a kind, 100 at most, the latest first; None where it is not deployed."""
    try:
        answer = environment.client("sagemaker").list_pipeline_executions(
            PipelineName=environment.pipeline_name(kind),
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=min(limit, 100),
        )
    except ClientError as error:
        if refusals.is_absent(error):
            return None
        raise
    found = sorted(answer["PipelineExecutionSummaries"], key=lambda summary: summary["StartTime"], reverse=True)
    return [
        Execution(
            summary["PipelineExecutionArn"],
            summary["PipelineExecutionStatus"],
            summary["StartTime"],
            _reason(summary["PipelineExecutionStatus"], summary.get("PipelineExecutionFailureReason")),
            steps_of(environment, summary["PipelineExecutionArn"]),
        )
        for summary in found[:limit]
    ]


def describe(environment: Environment, arn: str) -> Execution:
    """One execution.

    Raises:
        UserError: there is none of this ARN.
    """
    if not _EXECUTION_ARN.fullmatch(arn):
        raise UserError(f"{arn!r} is no ARN of a pipeline execution; `start` prints it, and so does `status`")
    try:
        found = environment.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if refusals.is_absent(error):
            raise UserError(f"there is no execution {arn} in {environment.name}; `status` lists the latest") from error
        raise
    status = found["PipelineExecutionStatus"]
    reason = _reason(status, found.get("FailureReason"))
    return Execution(arn, status, found["CreationTime"], reason, steps_of(environment, arn))


def steps_of(environment: Environment, arn: str) -> tuple[StepRun, ...]:
    """The steps of an execution that have started, in that order."""
    pages = environment.client("sagemaker").get_paginator("list_pipeline_execution_steps")
    steps = [
        step
        for page in pages.paginate(PipelineExecutionArn=arn, SortOrder="Ascending")
        for step in page["PipelineExecutionSteps"]
    ]
    return tuple(
        StepRun(step["StepName"], step["StepStatus"], step.get("StartTime"), step.get("EndTime"), _note(step))
        for step in steps
    )


def parameters_of(environment: Environment, arn: str) -> dict[str, str]:
    """What an execution was started with, by the name of the parameter; defaults are not always among them."""
    answer = environment.client("sagemaker").list_pipeline_parameters_for_execution(
        PipelineExecutionArn=arn, MaxResults=100
    )
    return {parameter["Name"]: parameter["Value"] for parameter in answer["PipelineParameters"]}


def wait(
    environment: Environment,
    arn: str,
    say: Callable[[str], None] = print,
    pause: Callable[[float], None] = time.sleep,
) -> Execution:
    """Wait until an execution has ended, and tell of each step as it ends.

    Raises:
        UserError: there is no such execution.
    """
    told: set[str] = set()
    while True:
        execution = describe(environment, arn)
        for step in execution.steps:
            if step.ended and step.name not in told:
                told.add(step.name)
                say(f"{step.name}: {step.status}{f' ({step.note})' if step.note else ''}")
        if execution.status not in RUNNING:
            return execution
        pause(look_seconds(environment))


def look_seconds(environment: Environment) -> float:
    """How long to wait between two looks at an execution that runs."""
    return 1 if environment.endpoint_url else 15


def console_link(environment: Environment) -> str:
    """Where a person finds the pipelines in a browser: in SageMaker Studio, whose own addresses AWS does not tell."""
    console = _CONSOLES.get(environment.function_arn("").split(":")[1], "console.aws.amazon.com")
    return f"https://{environment.region}.{console}/sagemaker/home?region={environment.region}#/studio-landing"


@contextmanager
def _deploy_first(environment: Environment, pipeline: str) -> Iterator[None]:
    """Say what to do where AWS does not know the pipeline."""
    try:
        yield
    except ClientError as error:
        if refusals.is_absent(error):
            raise UserError(
                f"there is no pipeline {pipeline} in the account {environment.account_id}; deploy it first: "
                f"mlops deploy --env {environment.name}"
            ) from error
        raise


def _fits(value: str, parameter: Mapping[str, Any]) -> bool:
    """Whether a text is a value of a parameter."""
    if value not in parameter.get("EnumValues", [value]):
        return False
    match parameter["Type"]:
        case "Integer":
            return bool(re.fullmatch(r"[+-]?\d+", value))
        case "Float":
            return _is_number(value)
        case "Boolean":
            return value in ("true", "false")
    return True


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _reason(status: str, reason: str | None) -> str:
    """Why an execution failed, on one line."""
    return " ".join((reason or "").split()) if status == "Failed" else ""


def _note(step: Mapping[str, Any]) -> str:
    """What there is to say of a step beside its status, on one line."""
    metadata = step.get("Metadata", {})
    outputs: Sequence[Mapping[str, str]] = metadata.get("Lambda", {}).get("OutputParameters", [])
    notes = [
        step.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage", ""),
        "an earlier result was taken" if "CacheHitResult" in step else "",
        metadata.get("Condition", {}).get("Outcome", "").lower(),
        *(f"{output['Name']} {output['Value']}" for output in outputs if output["Name"] in TELLING_OUTPUTS),
    ]
    return " ".join(", ".join(note for note in notes if note).split())
