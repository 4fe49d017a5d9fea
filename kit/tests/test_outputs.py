"""What Terraform publishes replaces derived names, and what an environment's file sets stays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import LISTS, TERRAFORM_OUTPUTS, Environment
from mlops_kit.aws.refusals import in_sentences
from mlops_kit.aws.terraform_outputs import with_outputs

PUBLISHED = {
    "bucket": "lake",
    "kms-key-arn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd",
    "role-arn": "arn:aws:iam::123456789012:role/jobs",
    "model-package-group": "rings",
    "subnets": "subnet-0a1b,subnet-2c3d",
    "security-groups": "sg-0a1b",
}


@pytest.fixture
def bare(environment: Environment) -> Environment:
    """An environment whose file sets none of them."""
    return replace(environment, subnets=(), security_groups=(), derived=tuple(TERRAFORM_OUTPUTS))


def publish(environment: Environment, parameters: dict[str, str]) -> None:
    """Put parameters into SSM as Terraform does."""
    for key, value in parameters.items():
        environment.client("ssm").put_parameter(
            Name=f"/mlops/{environment.project}/{environment.name}/{key}",
            Type="StringList" if key.replace("-", "_") in LISTS else "String",
            Value=value,
        )


def test_everything_that_is_published_is_used(bare: Environment) -> None:
    publish(bare, PUBLISHED)
    assert with_outputs(bare) == replace(
        bare,
        bucket="lake",
        kms_key_arn=PUBLISHED["kms-key-arn"],
        role_arn=PUBLISHED["role-arn"],
        model_package_group="rings",
        subnets=("subnet-0a1b", "subnet-2c3d"),
        security_groups=("sg-0a1b",),
        derived=(),
    )


def test_what_the_file_sets_stays(bare: Environment) -> None:
    publish(bare, PUBLISHED)
    own = replace(bare, subnets=("subnet-own",), derived=("bucket",))
    assert with_outputs(own) == replace(own, bucket="lake", derived=())


def test_before_the_first_apply_names_are_derived(bare: Environment) -> None:
    assert with_outputs(bare) == bare


def test_what_an_interrupted_apply_has_not_published_is_derived(bare: Environment) -> None:
    publish(bare, {"subnets": "subnet-0a1b"})
    environment = with_outputs(bare)
    assert (environment.subnets, environment.bucket) == (("subnet-0a1b",), bare.bucket)
    assert "subnets" not in environment.derived


def test_parameters_on_several_pages_are_all_read(bare: Environment) -> None:
    publish(bare, {f"another-key-{number}": "x" for number in range(12)} | PUBLISHED)
    assert with_outputs(bare).derived == ()


def test_parameters_of_another_environment_or_project_are_not_used(bare: Environment) -> None:
    publish(replace(bare, name="dev-2"), PUBLISHED)
    publish(replace(bare, project=f"{bare.project}0"), PUBLISHED)
    assert with_outputs(bare) == bare


def test_where_the_file_sets_everything_aws_is_not_called(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Environment, "client", Mock(side_effect=AssertionError("AWS was asked")))
    assert with_outputs(environment) is environment


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("bucket", "Lake", "bucket is 'Lake'; it must be the name of an S3 bucket"),
        ("subnets", "subnet-1,vpc-1", r"subnets is \['subnet-1', 'vpc-1'\]; it must be a list of ids"),
    ],
)
def test_an_invalid_value_is_refused_with_its_parameter(bare: Environment, key: str, value: str, message: str) -> None:
    publish(bare, {key: value})
    with pytest.raises(UserError, match=f"^the SSM parameters /mlops/{bare.project}/dev: {message}"):
        with_outputs(bare)


def refused(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let SSM refuse a request, as moto never does."""
    error: Any = {"Error": {"Code": code, "Message": "no"}}
    pages = SimpleNamespace(paginate=Mock(return_value=iter(_raising(ClientError(error, "GetParametersByPath")))))
    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_paginator=lambda _: pages))


def _raising(error: Exception) -> Any:
    yield {"Parameters": []}
    raise error


def test_without_the_permission_the_error_names_it_and_an_alternative(
    bare: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, "AccessDeniedException")
    with pytest.raises(UserError) as refusal:
        with_outputs(replace(bare, derived=("bucket", "subnets")))
    assert str(refusal.value) == (
        f"the credentials may not read the SSM parameters /mlops/{bare.project}/dev, in which Terraform publishes "
        "what it has created; ask for ssm:GetParametersByPath, or set in config/environments/dev.yaml: bucket, subnets"
    )


def test_a_throttled_request_is_named_as_such(bare: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, "ThrottlingException")
    with pytest.raises(UserError, match="AWS throttles requests"), in_sentences(bare):
        with_outputs(bare)
