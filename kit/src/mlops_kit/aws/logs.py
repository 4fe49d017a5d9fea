"""The logs of an execution's jobs: from CloudWatch, or from the local cloud's folder.

Needs the IAM actions sagemaker:ListPipelineExecutionSteps on the execution, and logs:DescribeLogStreams and
logs:GetLogEvents on the log groups /aws/sagemaker/*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import executions
from mlops_kit.aws.environment import Environment
from mlops_kit.runner.kept import find_execution, find_step
from mlops_kit.runner.record import ExecutionRecord

PROCESSING, TRAINING = "/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs"

# By the key of a step's metadata: the log group of its jobs, and what follows the job's name in their streams' names.
STREAMS = {
    "ProcessingJob": (PROCESSING, "/"),
    "QualityCheck": (PROCESSING, "/"),
    "TrainingJob": (TRAINING, "/"),
    "TuningJob": (TRAINING, "-"),  # its training jobs are named after it
    "TransformJob": ("/aws/sagemaker/TransformJobs", "/"),
}
JOB_KEYS = ("Arn", "CheckJobArn")

Log = tuple[str, list[str]]  # the step's name, and the lines


def print_logs(environment: Environment, kinds: Sequence[str], arn: str | None = None, step: str | None = None) -> None:
    """Print the logs of an execution's jobs in AWS, each under a heading.

    Args:
        environment: where it ran.
        kinds: the pipelines among whose executions the latest is looked for.
        arn: the execution; None for the latest.
        step: the step; None for those that failed, or for all where none failed.

    Raises:
        UserError: there is no such execution or step.
    """
    execution = executions.describe(environment, arn) if arn else latest_of(environment, kinds)
    names = [run.name for run in execution.steps]
    if step and step not in names:
        raise UserError(f"{execution.arn} has no step {step!r} that was started; it has {', '.join(names) or 'none'}")
    failed = [run.name for run in execution.steps if run.status == "Failed"]
    chosen = [step] if step else failed or names
    _print(chosen, _cloudwatch_logs(environment, execution), execution.arn)


def _print(chosen: Sequence[str], logs: Iterator[Log], execution: str) -> None:
    printed = 0
    for name, lines in logs:
        if name in chosen and lines:
            printed += 1
            print("\n".join([f"== {name}", *lines]))
    if not printed:
        print(f"no job of {', '.join(chosen) or execution} has written a log")


def print_kept_logs(work: Path, kinds: Sequence[str], arn: str | None = None, step: str | None = None) -> None:
    """Print the logs of a local execution, also after its cloud has gone down; the arguments are as above.

    Raises:
        UserError: there is no such execution or step.
    """
    record = find_execution(work, kinds, arn)
    failed = [found.name for found in record.failed_steps]
    chosen = [find_step(record, step).name] if step else failed or [found.name for found in record.steps]
    _print(chosen, _local_logs(work, record), record.arn)


def latest_of(environment: Environment, kinds: Sequence[str]) -> executions.Execution:
    """The latest execution of some pipelines.

    Raises:
        UserError: there is none.
    """
    latest = [execution for kind in kinds for execution in executions.latest(environment, kind, 1) or []]
    if latest:
        return max(latest, key=lambda execution: execution.started)
    if not kinds:
        raise UserError("this folder has no [tool.mlops.pipelines]; name an execution with --execution ARN")
    raise UserError(
        f"there is no execution of {' or '.join(kinds)} in {environment.name} yet; start one with: "
        f"mlops start {kinds[0]} --env {environment.name}"
    )


def failed_step_logs(record: ExecutionRecord, work: Path) -> list[str]:
    """Where the logs of the failed steps of a local execution are, one sentence each.

    Args:
        record: its record.
        work: the local cloud's working folder.
    """
    return [f"The log of {step.name}: {work / step.log}" for step in record.failed_steps if step.log]


def _local_logs(work: Path, record: ExecutionRecord) -> Iterator[Log]:
    for step in record.steps:
        if step.log:
            yield step.name, (work / step.log).read_text(encoding="utf-8", errors="replace").splitlines()


def _cloudwatch_logs(environment: Environment, execution: executions.Execution) -> Iterator[Log]:
    logs = environment.client("logs")
    pages = environment.client("sagemaker").get_paginator("list_pipeline_execution_steps")
    for page in pages.paginate(PipelineExecutionArn=execution.arn, SortOrder="Ascending"):
        for step in page["PipelineExecutionSteps"]:
            for group, prefix in _streams_of(step):
                yield step["StepName"], _events(logs, group, prefix)


def _streams_of(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The log group of each job that a step started, and how the names of its streams begin."""
    for key, details in step.get("Metadata", {}).items():
        for job_key in JOB_KEYS:
            if key in STREAMS and details.get(job_key):
                group, separator = STREAMS[key]
                yield group, f"{details[job_key].rpartition('/')[2]}{separator}"


def _events(logs: Any, group: str, prefix: str) -> list[str]:
    """The messages of a job's log streams, one stream for each instance."""
    try:
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=prefix)
        streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return []
        raise
    return [message for stream in streams for message in _messages(logs, group, stream)]


def _messages(logs: Any, group: str, stream: str) -> Iterator[str]:
    token: dict[str, str] = {}
    while True:
        answer = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        yield from (event["message"] for event in answer["events"])
        if answer["nextForwardToken"] == token.get("nextToken"):
            return  # at the end of a stream the token no longer changes
        token = {"nextToken": answer["nextForwardToken"]}
