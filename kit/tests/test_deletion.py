"""Pipelines and models are deleted by who means it, and nothing that runs is cut off by accident."""

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
    """DeleteModelPackage, StopPipelineExecution, and that no pipeline is deleted of which an execution runs."""
    delete_anyway = SageMakerResponse.delete_pipeline

    def delete_model_package(response: SageMakerResponse) -> EmptyResult:
        del response.sagemaker_backend.model_packages[response._get_param("ModelPackageName")]
        return EmptyResult()

    def stop_pipeline_execution(response: SageMakerResponse) -> EmptyResult:
        execution(response._get_param("PipelineExecutionArn")).pipeline_execution_status = "Stopping"
        return EmptyResult()

    def delete_pipeline(response: SageMakerResponse) -> Any:
        pipeline = response.sagemaker_backend.pipelines.get(response._get_param("PipelineName"))
        for found in pipeline.pipeline_executions.values() if pipeline else ():
            if found.pipeline_execution_status in executions.RUNNING:
                raise ConflictException("an execution is running")
        return delete_anyway(response)

    for operation in (delete_model_package, stop_pipeline_execution, delete_pipeline):
        monkeypatch.setattr(SageMakerResponse, operation.__name__, operation, raising=False)


@pytest.fixture
def deployed(environment: Environment, project: Path) -> Environment:
    deployment.deploy(environment, project, Lineage(), say=lambda _: None)
    return environment


def start(environment: Environment, kind: str, status: str) -> str:
    """An execution that has got so far."""
    arn = executions.start(environment, kind, {})
    execution(arn).pipeline_execution_status = status
    return arn


def delete(environment: Environment, **options: Any) -> list[str]:
    """What a deletion says that is confirmed."""
    said: list[str] = []
    deletion.delete(environment, KINDS, f"{environment.project}-dev", say=said.append, **options)
    return said


def there(environment: Environment) -> list[str]:
    """The kinds of pipelines that are deployed."""
    return [kind for kind in KINDS if deployment.describe(environment, environment.pipeline_name(kind))]


def test_what_is_deployed_is_deleted_once(deployed: Environment) -> None:
    start(deployed, "training", "Succeeded")
    names = [deployed.pipeline_name(kind) for kind in KINDS]
    assert delete(deployed) == [f"deleted {name}" for name in names]
    assert there(deployed) == []
    assert delete(deployed) == [f"{name} is not there" for name in names]


def test_pipelines_of_another_environment_stay(deployed: Environment, project: Path) -> None:
    other = replace(deployed, name="dev-2")
    deployment.deploy(other, project, Lineage(), say=lambda _: None)
    delete(deployed)
    assert there(other) == list(KINDS)


@pytest.mark.parametrize(
    ("confirmation", "said"), [("", "it is not confirmed"), ("yes", "--confirm says 'yes'"), ("dev", "--confirm says")]
)
def test_who_does_not_say_what_to_delete_deletes_nothing(deployed: Environment, confirmation: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"nothing was deleted, since {said}.* give --confirm {deployed.project}-dev$"):
        deletion.delete(deployed, KINDS, confirmation, with_models=True, stop=True)
    assert there(deployed) == list(KINDS)


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_while_an_execution_runs_nothing_is_deleted(deployed: Environment, status: str) -> None:
    arn = start(deployed, "inference", status)
    with pytest.raises(UserError, match=f"nothing was deleted, since executions run: {arn}; wait .* --stop"):
        delete(deployed)
    assert there(deployed) == list(KINDS)


def test_what_runs_is_stopped_and_waited_for(deployed: Environment) -> None:
    training, inference = start(deployed, "training", "Executing"), start(deployed, "inference", "Stopping")

    def pass_(seconds: float) -> None:
        for arn in (training, inference):
            assert execution(arn).pipeline_execution_status == "Stopping"
            execution(arn).pipeline_execution_status = "Stopped"

    said = delete(deployed, stop=True, pause=pass_)
    assert said == [f"stopping {training}", *(f"deleted {deployed.pipeline_name(kind)}" for kind in KINDS)]


def test_what_does_not_stop_keeps_its_pipeline(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "MOST_LOOKS", 2)
    arn = start(deployed, "training", "Executing")
    with pytest.raises(UserError, match=f"still stopping: {arn}; run the command again later"):
        delete(deployed, stop=True, pause=lambda _: None)
    assert there(deployed) == list(KINDS)


def test_an_execution_that_a_trigger_starts_meanwhile_is_told(
    deployed: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(deployed, "training", "Executing")
    monkeypatch.setattr(deletion, "running", lambda *_: {})
    with pytest.raises(UserError, match=r"-dev-training was started meanwhile, maybe by .* again with --stop"):
        delete(deployed)


def test_models_stay_unless_they_are_meant_too(deployed: Environment) -> None:
    for status in ("Approved", "Rejected", "PendingManualApproval"):
        register_model(deployed, status=status)
    assert delete(deployed)[-1] == (
        f"versions that stay in the model package group {deployed.model_package_group}: 3; --with-models deletes them"
    )
    assert len(model_packages(deployed)) == 3
    assert delete(deployed, with_models=True)[-1] == (
        f"versions deleted from the model package group {deployed.model_package_group}: 3"
    )
    assert model_packages(deployed) == []
    assert delete(deployed, with_models=True)[-1].endswith(": 0")


def test_another_refusal_is_not_taken_for_absence(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "DeletePipeline")

    denied = partial(deletion._delete_pipeline, deployed, deployed.pipeline_name("training"))
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    for ask in (denied, partial(deletion.running, deployed, KINDS)):
        with pytest.raises(ClientError, match="not authorized"):
            ask()
