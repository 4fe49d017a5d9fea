"""The local account: the resources that infrastructure code makes in a real one."""

from __future__ import annotations

import io
import json
import zipfile
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
from mlops_kit.project import open_project
from mlops_kit.runner.runtime_context import Function

ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"  # where the project names none
IMAGE = "sagemaker-xgboost:3.0-5"
MONITOR_IMAGE = "sagemaker-model-monitor-analyzer"
HANDLER = "handler.handler"
RUNTIME = "python3.12"
TIMEOUT_SECONDS = 60
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        for service in ("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    ],
}


def local_environment(root: Path, url: str, empty_account: bool = False) -> Environment:
    """The environment of a local cloud that answers under a URL; its resources have the names by rule.

    Args:
        root: the project.
        url: where the cloud answers.
        empty_account: Terraform makes them, and hands over what it has made.

    Raises:
        UserError: the project does not say what it is called, or an environment of it is not as it should be.
    """
    project, region = project_name(root), _region(root)
    stem = f"{project}-{LOCAL}"
    registry = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    return Environment(
        name=LOCAL,
        project=project,
        account_id=ACCOUNT,
        region=region,
        bucket=f"{stem}-{ACCOUNT}",
        kms_key_arn=f"arn:aws:kms:{region}:{ACCOUNT}:alias/{stem}",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/{stem}-pipeline",
        subnets=() if empty_account else ("subnet-local",),
        security_groups=() if empty_account else ("sg-local",),
        model_package_group=stem,
        image_uri=f"{registry}/{IMAGE}",
        monitor_image_uri=f"{registry}/{MONITOR_IMAGE}",
        endpoint_url=url,
        derived=tuple(TERRAFORM_OUTPUTS) if empty_account else (),
    )


def make_account(environment: Environment, root: Path) -> None:
    """Make bucket, key, role, model package group and Lambda functions of an environment.

    Args:
        environment: names them.
        root: the project, whose folders under lambdas/ are the functions.
    """
    _make_bucket(environment)
    _make_key(environment)
    role = environment.role_arn.rpartition("/")[2]
    environment.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    environment.client("sagemaker").create_model_package_group(ModelPackageGroupName=environment.model_package_group)
    put_functions(environment, root)


def put_functions(environment: Environment, root: Path) -> None:
    """Make the Lambda functions of an environment, or give those that are there the code of now."""
    functions = environment.client("lambda")
    known = {found["FunctionName"] for found in functions.list_functions()["Functions"]}
    for handler in sorted((open_project(root).lambdas).glob("*/handler.py")):
        name = environment.function_arn(handler.parent.name.replace("_", "-")).rpartition(":")[2]
        if name in known:
            functions.update_function_code(FunctionName=name, ZipFile=_zipped(handler.parent))
            continue
        functions.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=environment.role_arn,
            Handler=HANDLER,
            Code={"ZipFile": _zipped(handler.parent)},
            Timeout=TIMEOUT_SECONDS,
        )


def registered_function(environment: Environment, arn: str) -> Function | None:
    """Look up a Lambda function; None where there is no such function.

    moto does not hand a function's code out over its API, so it is taken from where moto keeps it.
    """
    # not above: a cloud without functions starts without them
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.models import lambda_backends

    try:
        found: Any = lambda_backends[environment.account_id][environment.region].get_function(arn)
    except UnknownFunctionException:
        return None
    calls = found.event_invoke_config[-1].config if found.event_invoke_config else {}
    return Function(
        arn=found.function_arn,
        code=found.code_bytes,
        handler=found.handler,
        environment=dict(found.environment_vars),
        timeout=float(found.timeout),
        callers=tuple(found.policy.statements),
        retries=int(calls.get("MaximumRetryAttempts", Function.retries)),
        dead_letters=(found.get_configuration().get("DeadLetterConfig") or {}).get("TargetArn", ""),
        on_failure=((calls.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", ""),
    )


def _make_bucket(environment: Environment) -> None:
    s3 = environment.client("s3")
    # us-east-1 is where a bucket lies that names no location, and may not be named
    place = {} if environment.region == "us-east-1" else {"LocationConstraint": environment.region}
    s3.create_bucket(Bucket=environment.bucket, **({"CreateBucketConfiguration": place} if place else {}))
    s3.put_bucket_versioning(Bucket=environment.bucket, VersioningConfiguration={"Status": "Enabled"})


def _make_key(environment: Environment) -> None:
    kms = environment.client("kms")
    key = kms.create_key(Description=f"data of {environment.project}")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=environment.kms_key_arn.rpartition(":")[2], TargetKeyId=key)


def _zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for path in sorted(folder.rglob("*.py")):
            writer.write(path, path.relative_to(folder).as_posix())
    return archive.getvalue()


def _region(root: Path) -> str:
    """The region of the project's first environment."""
    names = environment_names(root)
    return load_environment(names[0], root).region if names else REGION
