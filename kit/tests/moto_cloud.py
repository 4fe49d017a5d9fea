"""moto's server, and environments with unique names, so that the account looks empty to each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse
from moto.server import ThreadedMotoServer

from mlops_kit.aws.environment import Environment
from mlops_kit.local_cloud.server import one_at_a_time

ACCOUNT, REGION = "123456789012", "eu-west-1"

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/flats/execution/abc123"  # of the execution that `tell` stubs
START = datetime(2026, 1, 5, 10, 0, tzinfo=timezone.utc)

_numbers = count(1)


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server, and yield its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    assert server._server is not None
    server._server.app = one_at_a_time(server._server.app)
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make_environment(endpoint: str) -> Environment:
    """An environment whose bucket and key exist."""
    project = f"flats{next(_numbers)}"
    environment = Environment(
        name="dev",
        project=project,
        account_id=ACCOUNT,
        region=REGION,
        bucket=f"{project}-dev-{ACCOUNT}",
        kms_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/{project}-dev",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/{project}-dev-pipeline",
        subnets=("subnet-1", "subnet-2"),
        security_groups=("sg-1",),
        model_package_group=f"{project}-dev",
        image_uri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5",
        monitor_image_uri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/model-monitor:latest",
        endpoint_url=endpoint,
    )
    location = {"LocationConstraint": REGION}
    environment.client("s3").create_bucket(Bucket=environment.bucket, CreateBucketConfiguration=location)
    kms = environment.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{project}-dev", TargetKeyId=key)
    return environment


def own_copy(project: Path, folder: Path) -> Path:
    """A copy of the files from which a project's definitions are compiled, for a test to change."""
    for name in ("config", "jobs"):
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / "pyproject.toml", folder)
    return folder


def register_model(
    environment: Environment, metadata: Mapping[str, str] | None = None, status: str = "PendingManualApproval"
) -> str:
    """Register a version of the model, and return its ARN."""
    sagemaker, group = environment.client("sagemaker"), environment.model_package_group
    known = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    if not any(summary["ModelPackageGroupName"] == group for summary in known):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    return str(
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=status,
            CustomerMetadataProperties={"kind": "training", "metric": "rmse", "value": "2.1", **(metadata or {})},
        )["ModelPackageArn"]
    )


def tell(monkeypatch: pytest.MonkeyPatch, *steps: Mapping[str, Any], status: str = "", reason: str = "") -> None:
    """Let every execution have these steps and this status: in moto, executions have no steps, and all succeed."""

    def answer(operation: str, content: Mapping[str, Any]) -> None:
        monkeypatch.setattr(SageMakerResponse, operation, lambda _: ActionResult(content), raising=False)

    answer("list_pipeline_execution_steps", {"PipelineExecutionSteps": list(steps)})
    if status:
        description = {"PipelineExecutionStatus": status, "FailureReason": reason, "CreationTime": START}
        answer("describe_pipeline_execution", description)
        summary = {"PipelineExecutionStatus": status, "PipelineExecutionFailureReason": reason, "StartTime": START}
        summaries = [{"PipelineExecutionArn": ARN, **summary}]
        answer("list_pipeline_executions", {"PipelineExecutionSummaries": summaries})
        answer("list_pipeline_parameters_for_execution", {"PipelineParameters": []})
