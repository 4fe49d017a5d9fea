"""The local account: the resources that Terraform creates in a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops_kit.aws.environment import (
    LOCAL,
    TERRAFORM_OUTPUTS,
    Environment,
    environment_names,
    load_environment,
    project_name,
)
from mlops_kit.local_cloud.functions.packaging import read_packages
from mlops_kit.runner.runtime_context import Function

ACCOUNT = "123456789012"  # moto's default
REGION = "us-east-1"  # for a project without environments
IMAGE = "sagemaker-xgboost:3.0-5"
MONITOR_IMAGE = "sagemaker-model-monitor-analyzer"
HANDLER = "handler.handler"
RUNTIME = "python3.12"
FUNCTION_TIMEOUT = 60  # seconds
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        for service in ("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    ],
}


def local_environment(root: Path, url: str, empty_account: bool = False) -> Environment:
    """The environment of a local cloud; the names of its resources are derived from the project's name.

    Args:
        root: the project.
        url: the cloud's.
        empty_account: Terraform creates the resources, and its outputs replace the derived names.

    Raises:
        UserError: config/pipelines.yaml has no project name, or the first environment is invalid.
    """
    project, region = project_name(root), _region(root)
    prefix = f"{project}-{LOCAL}"
    registry = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    return Environment(
        name=LOCAL,
        project=project,
        account_id=ACCOUNT,
        region=region,
        bucket=f"{prefix}-{ACCOUNT}",
        kms_key_arn=f"arn:aws:kms:{region}:{ACCOUNT}:alias/{prefix}",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/{prefix}-pipeline",
        subnets=() if empty_account else ("subnet-local",),
        security_groups=() if empty_account else ("sg-local",),
        model_package_group=prefix,
        image_uri=f"{registry}/{IMAGE}",
        monitor_image_uri=f"{registry}/{MONITOR_IMAGE}",
        endpoint_url=url,
        derived=tuple(TERRAFORM_OUTPUTS) if empty_account else (),
    )


def make_account(environment: Environment, root: Path) -> None:
    """Create an environment's bucket, key, role, model package group and Lambda functions.

    Raises:
        PackagingError: the project's functions cannot be packed.
    """
    _create_project_bucket(environment)
    _create_key(environment)
    role = environment.role_arn.rpartition("/")[2]
    environment.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    environment.client("sagemaker").create_model_package_group(ModelPackageGroupName=environment.model_package_group)
    put_functions(environment, root)


def put_functions(environment: Environment, root: Path) -> None:
    """Create an environment's Lambda functions from the project's packages, or update the code of existing ones.

    Raises:
        PackagingError: the project's functions cannot be packed.
    """
    functions = environment.client("lambda")
    known = {function["FunctionName"] for function in functions.list_functions()["Functions"]}
    for folder, package in read_packages(root).items():
        name = environment.function_arn(folder.replace("_", "-")).rpartition(":")[2]
        if name in known:
            functions.update_function_code(FunctionName=name, ZipFile=package)
            continue
        functions.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=environment.role_arn,
            Handler=HANDLER,
            Code={"ZipFile": package},
            Timeout=FUNCTION_TIMEOUT,
        )


def registered_function(environment: Environment, arn: str) -> Function | None:
    """Look up a Lambda function; None if it does not exist.

    moto's API does not return a function's code, so this reads moto's backend.
    """
    # not at the top: a cloud without functions starts faster
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.models import lambda_backends

    try:
        function: Any = lambda_backends[environment.account_id][environment.region].get_function(arn)
    except UnknownFunctionException:
        return None
    asynchronous = function.event_invoke_config[-1].config if function.event_invoke_config else {}
    return Function(
        arn=function.function_arn,
        code=function.code_bytes,
        handler=function.handler,
        environment=dict(function.environment_vars),
        timeout=float(function.timeout),
        permissions=tuple(function.policy.statements),
        retries=int(asynchronous.get("MaximumRetryAttempts", Function.retries)),
        dead_letter_queue=(function.get_configuration().get("DeadLetterConfig") or {}).get("TargetArn", ""),
        on_failure=((asynchronous.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", ""),
    )


def create_bucket(environment: Environment, name: str) -> None:
    """Create a bucket in the region of an environment."""
    # us-east-1 is S3's default location, and S3 rejects it as an explicit one
    default = environment.region == "us-east-1"
    location = {} if default else {"CreateBucketConfiguration": {"LocationConstraint": environment.region}}
    environment.client("s3").create_bucket(Bucket=name, **location)


def _create_project_bucket(environment: Environment) -> None:
    create_bucket(environment, environment.bucket)
    versioning = {"Status": "Enabled"}
    environment.client("s3").put_bucket_versioning(Bucket=environment.bucket, VersioningConfiguration=versioning)


def _create_key(environment: Environment) -> None:
    kms = environment.client("kms")
    key = kms.create_key(Description=f"data of {environment.project}")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=environment.kms_key_arn.rpartition(":")[2], TargetKeyId=key)


def _region(root: Path) -> str:
    """The region of the project's first environment."""
    names = environment_names(root)
    return load_environment(names[0], root).region if names else REGION
