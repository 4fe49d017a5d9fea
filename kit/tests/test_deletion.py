"""Pipelines and models are deleted after confirmation only, and no running execution is stopped by accident."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import ConflictException
from moto.sagemaker.models import FakePipelineExecution, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from mlops_jobs.errors import UserError
from mlops_kit.aws import deletion, deployment, executions
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.registry import model_packages
from mlops_kit.definition.lineage import Lineage
from moto_cloud import ACCOUNT, REGION, register_model

KINDS = ("training", "training-hpo", "inference")


def execution(arn: str) -> FakePipelineExecution:
    """An execution as moto keeps it."""
    pipeline = sagemaker_backends[ACCOUNT][REGION].pipelines[arn.split("/")[1]]
    return pipeline.pipeline_executions[arn]


@pytest.fixture(autouse=True)
def what_moto_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """DeleteModelPackage, StopPipelineExecution, and the refusal to delete a pipeline with a running execution."""
    delete_anyway = SageMakerResponse.delete_pipeline

    def delete_model_package(response: SageMakerResponse) -> EmptyResult:
        del response.sagemaker_backend.model_packages[response._get_param("ModelPackageName")]
        return EmptyResult()

    def stop_pipeline_execution(response: SageMakerResponse) -> EmptyResult:
        execution(response._get_param("PipelineExecutionArn")).pipeline_execution_status = "Stopping"
        return EmptyResult()

    def delete_pipeline(response: SageMakerResponse) -> Any:
        pipeline = response.sagemaker_backend.pipelines.get(response._get_param("PipelineName"))
        for run in pipeline.pipeline_executions.values() if pipeline else ():
            if run.pipeline_execution_status in executions.RUNNING:
                raise ConflictException("an execution is running")
        return delete_anyway(response)

    for operation in (delete_model_package, stop_pipeline_execution, delete_pipeline):
        monkeypatch.setattr(SageMakerResponse, operation.__name__, operation, raising=False)


@pytest.fixture
def deployed(environment: Environment, project: Path) -> Environment:
    deployment.deploy(environment, project, Lineage(), say=lambda _: None)
    return environment


def start(environment: Environment, kind: str, status: str) -> str:
    """Start an execution, and give it a status."""
    arn = executions.start(environment, kind, {})
    execution(arn).pipeline_execution_status = status
    return arn


def delete(environment: Environment, **options: Any) -> list[str]:
    """The lines that a confirmed deletion prints."""
    printed: list[str] = []
    deletion.delete(environment, KINDS, f"{environment.project}-dev", say=printed.append, **options)
    return printed


def deployed_kinds(environment: Environment) -> list[str]:
    """The kinds of pipelines that are deployed."""
    return [kind for kind in KINDS if deployment.describe(environment, environment.pipeline_name(kind))]


def test_deletion_is_idempotent(deployed: Environment) -> None:
    start(deployed, "training", "Succeeded")
    names = [deployed.pipeline_name(kind) for kind in KINDS]
    assert delete(deployed) == [f"deleted {name}" for name in names]
    assert deployed_kinds(deployed) == []
    assert delete(deployed) == [f"{name} does not exist" for name in names]


def test_pipelines_of_another_environment_stay(deployed: Environment, project: Path) -> None:
    other = replace(deployed, name="dev-2")
    deployment.deploy(other, project, Lineage(), say=lambda _: None)
    delete(deployed)
    assert deployed_kinds(other) == list(KINDS)


@pytest.mark.parametrize(
    ("confirmation", "reason"), [("", "it is not confirmed"), ("yes", "--confirm is 'yes'"), ("dev", "--confirm is")]
)
def test_without_the_right_confirmation_nothing_is_deleted(
    deployed: Environment, confirmation: str, reason: str
) -> None:
    with pytest.raises(
        UserError, match=rf"nothing was deleted, because {reason}.* add --confirm {deployed.project}-dev$"
    ):
        deletion.delete(deployed, KINDS, confirmation, with_models=True, stop=True)
    assert deployed_kinds(deployed) == list(KINDS)


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_while_an_execution_is_running_nothing_is_deleted(deployed: Environment, status: str) -> None:
    arn = start(deployed, "inference", status)
    with pytest.raises(UserError, match=f"nothing was deleted, because executions are running: {arn}; wait .* --stop"):
        delete(deployed)
    assert deployed_kinds(deployed) == list(KINDS)


def test_running_executions_are_stopped_first_if_requested(deployed: Environment) -> None:
    training, inference = start(deployed, "training", "Executing"), start(deployed, "inference", "Stopping")

    def pass_(seconds: float) -> None:
        for arn in (training, inference):
            assert execution(arn).pipeline_execution_status == "Stopping"
            execution(arn).pipeline_execution_status = "Stopped"

    printed = delete(deployed, stop=True, pause=pass_)
    assert printed == [f"stopping {training}", *(f"deleted {deployed.pipeline_name(kind)}" for kind in KINDS)]


def test_an_execution_that_does_not_stop_keeps_its_pipeline(
    deployed: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MAX_POLLS", 2)
    arn = start(deployed, "training", "Executing")
    with pytest.raises(UserError, match=f"still stopping: {arn}; run the command again later"):
        delete(deployed, stop=True, pause=lambda _: None)
    assert deployed_kinds(deployed) == list(KINDS)


def test_an_execution_that_starts_meanwhile_prevents_the_deletion(
    deployed: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(deployed, "training", "Executing")
    monkeypatch.setattr(deletion, "running", lambda *_: {})
    with pytest.raises(UserError, match=r"-dev-training was started meanwhile, perhaps by .* again with --stop"):
        delete(deployed)


def test_models_are_deleted_on_request_only(deployed: Environment) -> None:
    for status in ("Approved", "Rejected", "PendingManualApproval"):
        register_model(deployed, status=status)
    assert delete(deployed)[-1] == (
        f"versions kept in the model package group {deployed.model_package_group}: 3; --with-models deletes them"
    )
    assert len(model_packages(deployed)) == 3
    assert delete(deployed, with_models=True)[-1] == (
        f"versions deleted from the model package group {deployed.model_package_group}: 3"
    )
    assert model_packages(deployed) == []
    assert delete(deployed, with_models=True)[-1].endswith(": 0")


def test_a_denied_request_does_not_count_as_absence(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "DeletePipeline")

    denied = partial(deletion._delete_pipeline, deployed, deployed.pipeline_name("training"))
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    for ask in (denied, partial(deletion.running, deployed, KINDS)):
        with pytest.raises(ClientError, match="not authorized"):
            ask()
