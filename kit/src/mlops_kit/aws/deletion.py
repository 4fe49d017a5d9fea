"""Take the pipelines and their models out of an environment, before its infrastructure is destroyed.

To delete twice is to delete once. The bucket with all that lies in it and the model package group stay: the
infrastructure has made them.

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

MOST_LOOKS = 120  # at executions that are being stopped: half an hour in AWS

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
        confirmation: <project>-<environment>, as a person who means it writes it.
        with_models: whether to delete every version of the model, whatever its status.
        stop: whether to stop what runs.
        say: where to tell what was done.
        pause: waits for so many seconds.

    Raises:
        UserError: it is not confirmed, or executions run.
    """
    _refuse_unless_confirmed(environment, confirmation)
    if stop:
        _stop_all(environment, kinds, say, pause)
    elif found := running(environment, kinds):
        raise UserError(
            f"nothing was deleted, since executions run: {', '.join(found)}; wait until they have ended, or stop them "
            "with --stop"
        )
    for kind in kinds:
        name = environment.pipeline_name(kind)
        say(f"deleted {name}" if _delete_pipeline(environment, name) else f"{name} is not there")
    _delete_models(environment, say, really=with_models)


def running(environment: Environment, kinds: Sequence[str]) -> dict[str, str]:
    """All executions that have not ended: status by ARN."""
    found = {arn: status for kind in kinds for arn, status in _executions(environment, kind)}
    return {arn: status for arn, status in found.items() if status in executions.RUNNING}


def _refuse_unless_confirmed(environment: Environment, confirmation: str) -> None:
    wanted = f"{environment.project}-{environment.name}"
    if confirmation != wanted:
        given = f"--confirm says {confirmation!r}" if confirmation else "it is not confirmed"
        raise UserError(
            f"nothing was deleted, since {given}; to delete the pipelines of {environment.project} in the account "
            f"{environment.account_id} with all that is known of their executions, give --confirm {wanted}"
        )


def _stop_all(environment: Environment, kinds: Sequence[str], say: Say, pause: Callable[[float], None]) -> None:
    """Stop what runs, and come back when it has ended: SageMaker deletes no pipeline of which an execution runs."""
    sagemaker = environment.client("sagemaker")
    for _ in range(MOST_LOOKS):
        found = running(environment, kinds)
        if not found:
            return
        for arn, status in found.items():
            if status == "Executing":
                say(f"stopping {arn}")
                sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        pause(executions.look_seconds(environment))
    raise UserError(f"these executions are still stopping: {', '.join(found)}; run the command again later")


def _executions(environment: Environment, kind: str) -> list[tuple[str, str]]:
    """ARN and status of each execution of a pipeline; none where it is not deployed."""
    pages = environment.client("sagemaker").get_paginator("list_pipeline_executions")
    try:
        return [
            (found["PipelineExecutionArn"], found["PipelineExecutionStatus"])
            for page in pages.paginate(PipelineName=environment.pipeline_name(kind))
            for found in page["PipelineExecutionSummaries"]
        ]
    except ClientError as error:
        if refusals.is_absent(error):
            return []
        raise


def _delete_pipeline(environment: Environment, name: str) -> bool:
    """Delete a pipeline; whether it was there."""
    try:
        environment.client("sagemaker").delete_pipeline(PipelineName=name)
    except ClientError as error:
        if refusals.is_absent(error):
            return False
        if error.response["Error"]["Code"] == "ConflictException":
            raise UserError(
                f"{name} was started meanwhile, maybe by a schedule or by new data; run the command again with --stop"
            ) from error
        raise
    return True


def _delete_models(environment: Environment, say: Say, *, really: bool) -> None:
    """Delete the versions of the model, or tell that they stay."""
    group, found = environment.model_package_group, registry.summaries(environment)
    if not really:
        if found:
            say(f"versions that stay in the model package group {group}: {len(found)}; --with-models deletes them")
        return
    sagemaker = environment.client("sagemaker")
    for summary in found:
        sagemaker.delete_model_package(ModelPackageName=summary["ModelPackageArn"])
    say(f"versions deleted from the model package group {group}: {len(found)}")
