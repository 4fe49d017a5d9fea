"""Delete the pipelines and their models in an environment, before its infrastructure is destroyed.

Deletion is idempotent. The bucket, its objects and the model package group stay: they belong to the infrastructure.

Needs the IAM actions sagemaker:ListPipelineExecutions and DeletePipeline on the pipelines, and StopPipelineExecution on
their executions; sagemaker:ListModelPackages on the model package group, and DeleteModelPackage on its packages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import executions, refusals, registry
from mlops_kit.aws.environment import Environment

MAX_POLLS = 120  # of executions that are being stopped: half an hour in AWS

Say = Callable[[str], None]


def delete(
    environment: Environment,
    kinds: Sequence[str],
    confirmation: str,
    *,
    with_models: bool = False,
    stop: bool = False,
    say: Say = print,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Delete the pipelines with their executions, and the versions of the model if asked to.

    Args:
        environment: where.
        kinds: the kinds of pipelines, for example training.
        confirmation: <project>-<environment>, typed by the person who deletes.
        with_models: whether to delete every version of the model, too, whatever its status.
        stop: whether to stop running executions.
        say: is called with a line for each thing that was done.
        pause: waits for a number of seconds.

    Raises:
        UserError: it is not confirmed, or executions are running.
    """
    _refuse_unless_confirmed(environment, confirmation)
    if stop:
        _stop_all(environment, kinds, say, pause)
    elif arns := running(environment, kinds):
        raise UserError(
            f"nothing was deleted, because executions are running: {', '.join(arns)}; wait for them, or stop them "
            "with --stop"
        )
    for kind in kinds:
        name = environment.pipeline_name(kind)
        say(f"deleted {name}" if _delete_pipeline(environment, name) else f"{name} does not exist")
    _delete_models(environment, say, requested=with_models)


def running(environment: Environment, kinds: Sequence[str]) -> dict[str, str]:
    """All executions that have not ended: status by ARN."""
    statuses = {arn: status for kind in kinds for arn, status in _executions(environment, kind)}
    return {arn: status for arn, status in statuses.items() if status in executions.RUNNING}


def _refuse_unless_confirmed(environment: Environment, confirmation: str) -> None:
    expected = f"{environment.project}-{environment.name}"
    if confirmation != expected:
        reason = f"--confirm is {confirmation!r}" if confirmation else "it is not confirmed"
        raise UserError(
            f"nothing was deleted, because {reason}; to delete the pipelines of {environment.project} in the account "
            f"{environment.account_id} and the history of their executions, add --confirm {expected}"
        )


def _stop_all(environment: Environment, kinds: Sequence[str], say: Say, pause: Callable[[float], None]) -> None:
    """Stop running executions and wait for their end: SageMaker does not delete a pipeline before."""
    sagemaker = environment.client("sagemaker")
    for _ in range(MAX_POLLS):
        statuses = running(environment, kinds)
        if not statuses:
            return
        for arn, status in statuses.items():
            if status == "Executing":
                say(f"stopping {arn}")
                sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        pause(executions.poll_seconds(environment))
    raise UserError(f"these executions are still stopping: {', '.join(statuses)}; run the command again later")


def _executions(environment: Environment, kind: str) -> list[tuple[str, str]]:
    """ARN and status of each execution of a pipeline; none where it is not deployed."""
    pages = environment.client("sagemaker").get_paginator("list_pipeline_executions")
    try:
        return [
            (summary["PipelineExecutionArn"], summary["PipelineExecutionStatus"])
            for page in pages.paginate(PipelineName=environment.pipeline_name(kind))
            for summary in page["PipelineExecutionSummaries"]
        ]
    except ClientError as error:
        if refusals.is_absent(error):
            return []
        raise


def _delete_pipeline(environment: Environment, name: str) -> bool:
    """Delete a pipeline; False if it does not exist."""
    try:
        environment.client("sagemaker").delete_pipeline(PipelineName=name)
    except ClientError as error:
        if refusals.is_absent(error):
            return False
        if error.response["Error"]["Code"] == "ConflictException":
            raise UserError(
                f"{name} was started meanwhile, perhaps by a schedule or by new data; run the command again with --stop"
            ) from error
        raise
    return True


def _delete_models(environment: Environment, say: Say, *, requested: bool) -> None:
    """Delete the versions of the model, or print how many stay."""
    group, summaries = environment.model_package_group, registry.summaries(environment)
    if not requested:
        if summaries:
            say(f"versions kept in the model package group {group}: {len(summaries)}; --with-models deletes them")
        return
    sagemaker = environment.client("sagemaker")
    for summary in summaries:
        sagemaker.delete_model_package(ModelPackageName=summary["ModelPackageArn"])
    say(f"versions deleted from the model package group {group}: {len(summaries)}")
