"""Steps that create a resource without a job: a model, a model package."""

from __future__ import annotations

from mlops_kit.runner.expressions import plain
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.task import Task


def run_model(task: Task) -> StepResult:
    """Create a model with boto3, under a new name."""
    name = task.job_name()
    request = {"ModelName": name, **task.request}
    arn = task.context.sagemaker.create_model(**request)["ModelArn"]
    return StepResult({**request, "ModelArn": arn}, note=name, metadata={"Model": {"Arn": arn}})


def run_register_model(task: Task) -> StepResult:
    """Register a model package with boto3."""
    sagemaker = task.context.sagemaker
    arn = sagemaker.create_model_package(**task.request)["ModelPackageArn"]
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    described.pop("ResponseMetadata", None)
    return StepResult(
        plain(described),
        note=f"version {described.get('ModelPackageVersion', '')}, {described.get('ModelApprovalStatus', '')}",
        metadata={"RegisterModel": {"Arn": arn}},
    )
