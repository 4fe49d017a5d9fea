"""Start executions of the deployed pipelines, wait for them, and describe them.

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
from mlops_kit.text import counted

RUNNING = ("Executing", "Stopping")

# The outputs of Lambda steps that are shown beside the step's status.
SHOWN_OUTPUTS = ("DataQuality", "Violations")
COUNTED = "Counted"  # shown in a few words

_CONSOLES = {
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_EXECUTION_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/[\w-]+/execution/\w+")


@dataclass(frozen=True)
class StepRun:
    """A step of an execution.

    Attributes:
        ended: None while it runs.
        note: why it failed, the outcome of a condition, or that an earlier result was taken; may be empty.
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
        reason: why it failed; empty if it did not.
        steps: those that have started, in the order in which they did.
    """

    arn: str
    status: str
    started: datetime
    reason: str
    steps: tuple[StepRun, ...]

    @property
    def id(self) -> str:
        """The last part of its ARN, which is part of its outputs' URIs, too."""
        return self.arn.rpartition("/")[2]

    @property
    def ended(self) -> datetime | None:
        """When its last step ended; None while it runs."""
        ends = [step.ended for step in self.steps if step.ended]
        return max(ends, default=None) if self.status not in RUNNING else None


def start(environment: Environment, kind: str, parameters: Mapping[str, str]) -> str:
    """Start the pipeline of a kind, and return the execution's ARN.

    Raises:
        UserError: the pipeline is not deployed, or a parameter is refused.
    """
    sagemaker, name = environment.client("sagemaker"), environment.pipeline_name(kind)
    with _deploy_first(environment, name):
        definition = json.loads(sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"])
        values = checked_parameters(definition, parameters, name)
        answer = sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=values)
    return str(answer["PipelineExecutionArn"])


def checked_parameters(definition: Mapping[str, Any], values: Mapping[str, str], pipeline: str) -> list[dict[str, str]]:
    """The parameters of an execution in the API's form, in which every value is a string.

    Raises:
        UserError: the definition does not declare one, a value has another type or is an instance type that is not
            supported, or one without a default is missing.
    """
    known = {parameter["Name"]: parameter for parameter in definition.get("Parameters", [])}
    instances = [(value, has_key) for _, value, has_key in instance_types.in_requests(definition, pipeline)]
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{pipeline} has no parameter {name!r}; it has {', '.join(known)}")
        if not _fits(value, known[name]):
            choices = f", one of {', '.join(known[name]['EnumValues'])}" if "EnumValues" in known[name] else ""
            example = f", for example {known[name]['DefaultValue']}" if "DefaultValue" in known[name] else ""
            form = f"of the type {known[name]['Type']}{choices}{example}"
            raise UserError(f"the parameter {name} of {pipeline} must be {form}; it is {value!r}")
        for instance_type, has_key in instances:
            form = instance_types.refusal(value, has_key)
            if form and instance_type == {"Get": f"Parameters.{name}"}:
                raise UserError(f"the parameter {name} of {pipeline} is {value!r}; it must be {form}")
    for name, parameter in known.items():
        if name not in values and "DefaultValue" not in parameter:
            raise UserError(f"the parameter {name} of {pipeline} has no default; set it with --param {name}=...")
    return [{"Name": name, "Value": value} for name, value in values.items()]


def latest(environment: Environment, kind: str, limit: int) -> list[Execution] | None:
    """The latest executions of the pipeline of a kind, 100 at most, latest first; None if it is not deployed."""
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
    summaries = sorted(answer["PipelineExecutionSummaries"], key=lambda summary: summary["StartTime"], reverse=True)
    return [
        Execution(
            summary["PipelineExecutionArn"],
            summary["PipelineExecutionStatus"],
            summary["StartTime"],
            _reason(summary["PipelineExecutionStatus"], summary.get("PipelineExecutionFailureReason")),
            steps_of(environment, summary["PipelineExecutionArn"]),
        )
        for summary in summaries[:limit]
    ]


def describe(environment: Environment, arn: str) -> Execution:
    """One execution.

    Raises:
        UserError: there is none with this ARN.
    """
    if not _EXECUTION_ARN.fullmatch(arn):
        raise UserError(f"{arn!r} is not the ARN of an execution; `mlops start` and `mlops status` print it")
    try:
        answer = environment.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if refusals.is_absent(error):
            raise UserError(
                f"there is no execution {arn} in {environment.name}; `mlops status` lists the latest"
            ) from error
        raise
    status = answer["PipelineExecutionStatus"]
    reason = _reason(status, answer.get("FailureReason"))
    return Execution(arn, status, answer["CreationTime"], reason, steps_of(environment, arn))


def steps_of(environment: Environment, arn: str) -> tuple[StepRun, ...]:
    """The steps of an execution that have started, in the order in which they did."""
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
    """The parameters that an execution was started with; those with defaults may be missing."""
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
    """Wait until an execution has ended, and print each step as it ends.

    Raises:
        UserError: there is no such execution.
    """
    printed: set[str] = set()
    while True:
        execution = describe(environment, arn)
        for step in execution.steps:
            if step.ended and step.name not in printed:
                printed.add(step.name)
                say(f"{step.name}: {step.status}{f' ({step.note})' if step.note else ''}")
        if execution.status not in RUNNING:
            return execution
        pause(poll_seconds(environment))


def poll_seconds(environment: Environment) -> float:
    """How long to wait before the status of a running execution is read again."""
    return 1 if environment.endpoint_url else 15


def console_link(environment: Environment) -> str:
    """The page of SageMaker Studio in the console; AWS documents no addresses of single pipelines."""
    console = _CONSOLES.get(environment.function_arn("").split(":")[1], "console.aws.amazon.com")
    return f"https://{environment.region}.{console}/sagemaker/home?region={environment.region}#/studio-landing"


@contextmanager
def _deploy_first(environment: Environment, pipeline: str) -> Iterator[None]:
    """Name the command that deploys a pipeline where there is none."""
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
    """Whether a string is a valid value of a parameter."""
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
    """What is shown beside the status of a step, on one line."""
    metadata = step.get("Metadata", {})
    outputs: Sequence[Mapping[str, str]] = metadata.get("Lambda", {}).get("OutputParameters", [])
    notes = [
        step.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage", ""),
        "an earlier result was taken" if "CacheHitResult" in step else "",
        metadata.get("Condition", {}).get("Outcome", "").lower(),
        *(f"{output['Name']} {output['Value']}" for output in outputs if output["Name"] in SHOWN_OUTPUTS),
        *(counted(output["Value"]) for output in outputs if output["Name"] == COUNTED),
    ]
    return " ".join(", ".join(note for note in notes if note).split())
