"""The logs of an execution's jobs: from CloudWatch, or from the local cloud's folder.

Needs the IAM actions sagemaker:ListPipelineExecutionSteps on the execution, and logs:DescribeLogStreams and
logs:GetLogEvents on the log groups /aws/sagemaker/*.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import executions
from mlops_kit.aws.environment import LOCAL, Environment

# Where SageMaker writes the log of each kind of job, by the key of the step's metadata.
LOG_GROUPS = {
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "QualityCheck": "/aws/sagemaker/ProcessingJobs",
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "TransformJob": "/aws/sagemaker/TransformJobs",
}
ARN_KEYS = ("Arn", "CheckJobArn")


def print_logs(
    environment: Environment, work: Path, kinds: Sequence[str], arn: str | None = None, step: str | None = None
) -> None:
    """Print the logs of an execution's jobs, each under a heading.

    Args:
        environment: where it ran.
        work: the local cloud's working folder.
        kinds: the pipelines of which the latest execution is looked for.
        arn: the execution; None for the latest.
        step: the step; None for those that failed, or for all where none did.

    Raises:
        UserError: there is no such execution or step.
    """
    execution = executions.describe(environment, arn) if arn else latest_of(environment, kinds)
    names = [found.name for found in execution.steps]
    if step and step not in names:
        raise UserError(f"{execution.arn} has no step {step!r} that has started; it has {', '.join(names)}")
    failed = [found.name for found in execution.steps if found.status == "Failed"]
    wanted = [step] if step else failed or names
    read = _local_logs if environment.name == LOCAL else _cloudwatch_logs
    count = 0
    for name, lines in read(environment, work, execution.arn):
        if name in wanted:
            count += 1
            print(f"== {name}")
            print("\n".join(lines))
    if not count:
        print(f"no logs yet of {', '.join(wanted) or execution.arn}")


def latest_of(environment: Environment, kinds: Sequence[str]) -> executions.Execution:
    """The latest execution of some pipelines.

    Raises:
        UserError: there is none.
    """
    found = [execution for kind in kinds for execution in executions.latest(environment, kind, 1) or []]
    if not found:
        raise UserError(f"no execution of {' or '.join(kinds)} in {environment.name} yet; start one with: mlops start")
    return max(found, key=lambda execution: execution.started)


def _local_logs(environment: Environment, work: Path, arn: str) -> Iterator[tuple[str, list[str]]]:
    pipeline, _, id_ = arn.partition(":pipeline/")[2].partition("/execution/")
    record = json.loads((work / "executions" / pipeline / id_ / "execution.json").read_text(encoding="utf-8"))
    for step in record["steps"]:
        if step["log"]:
            yield step["name"], (work / step["log"]).read_text(encoding="utf-8", errors="replace").splitlines()


def _cloudwatch_logs(environment: Environment, work: Path, arn: str) -> Iterator[tuple[str, list[str]]]:
    pages = environment.client("sagemaker").get_paginator("list_pipeline_execution_steps")
    for page in pages.paginate(PipelineExecutionArn=arn, SortOrder="Ascending"):
        for step in page["PipelineExecutionSteps"]:
            for group, job in _jobs_of(step):
                yield step["StepName"], _events(environment.client("logs"), group, job)


def _jobs_of(step: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The log group and the name of each job that a step started."""
    for key, details in step.get("Metadata", {}).items():
        for arn_key in ARN_KEYS:
            if key in LOG_GROUPS and details.get(arn_key):
                yield LOG_GROUPS[key], details[arn_key].rpartition("/")[2]


def _events(logs: Any, group: str, job: str) -> list[str]:
    """The messages of a job's log streams, one stream for each instance."""
    try:
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=f"{job}/")
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
            return  # the end repeats its own token
        token = {"nextToken": answer["nextForwardToken"]}
