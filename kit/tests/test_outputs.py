"""What the infrastructure hands over takes the place of names by rule, and what an environment's file gives stays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import HANDED_OVER, LISTS, Environment
from mlops_kit.aws.refusals import in_sentences
from mlops_kit.aws.terraform_outputs import with_outputs

HANDED = {
    "bucket": "lake",
    "kms-key-arn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd",
    "role-arn": "arn:aws:iam::123456789012:role/jobs",
    "model-package-group": "rings",
    "subnets": "subnet-0a1b,subnet-2c3d",
    "security-groups": "sg-0a1b",
}


@pytest.fixture
def ruled(environment: Environment) -> Environment:
    """An environment whose file gives nothing."""
    return replace(environment, subnets=(), security_groups=(), by_rule=tuple(HANDED_OVER))


def hand_over(environment: Environment, handed: dict[str, str]) -> None:
    """Put into SSM what Terraform puts there."""
    for key, value in handed.items():
        environment.client("ssm").put_parameter(
            Name=f"/mlops/{environment.project}/{environment.name}/{key}",
            Type="StringList" if key.replace("-", "_") in LISTS else "String",
            Value=value,
        )


def test_all_that_is_handed_over_is_taken(ruled: Environment) -> None:
    hand_over(ruled, HANDED)
    assert with_outputs(ruled) == replace(
        ruled,
        bucket="lake",
        kms_key_arn=HANDED["kms-key-arn"],
        role_arn=HANDED["role-arn"],
        model_package_group="rings",
        subnets=("subnet-0a1b", "subnet-2c3d"),
        security_groups=("sg-0a1b",),
        by_rule=(),
    )


def test_what_the_file_gives_stays(ruled: Environment) -> None:
    hand_over(ruled, HANDED)
    own = replace(ruled, subnets=("subnet-own",), by_rule=("bucket",))
    assert with_outputs(own) == replace(own, bucket="lake", by_rule=())


def test_where_nothing_was_applied_names_are_by_rule(ruled: Environment) -> None:
    assert with_outputs(ruled) == ruled


def test_what_an_apply_that_broke_off_has_not_handed_over_is_by_rule(ruled: Environment) -> None:
    hand_over(ruled, {"subnets": "subnet-0a1b"})
    found = with_outputs(ruled)
    assert (found.subnets, found.bucket) == (("subnet-0a1b",), ruled.bucket)
    assert "subnets" not in found.by_rule


def test_of_more_parameters_than_a_page_holds_none_is_missed(ruled: Environment) -> None:
    hand_over(ruled, {f"a-key-of-others-{number}": "x" for number in range(12)} | HANDED)
    assert with_outputs(ruled).by_rule == ()


def test_another_environment_or_project_hands_nothing_over(ruled: Environment) -> None:
    hand_over(replace(ruled, name="dev-2"), HANDED)
    hand_over(replace(ruled, project=f"{ruled.project}0"), HANDED)
    assert with_outputs(ruled) == ruled


def test_where_the_file_gives_everything_nothing_is_asked(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Environment, "client", Mock(side_effect=AssertionError("AWS was asked")))
    assert with_outputs(environment) is environment


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("bucket", "Lake", "bucket is 'Lake'; it must be the name of an S3 bucket"),
        ("subnets", "subnet-1,vpc-1", r"subnets is \['subnet-1', 'vpc-1'\]; it must be a list of ids"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(ruled: Environment, key: str, value: str, said: str) -> None:
    hand_over(ruled, {key: value})
    with pytest.raises(UserError, match=f"^the SSM parameters /mlops/{ruled.project}/dev: {said}"):
        with_outputs(ruled)


def refused(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let SSM refuse, as moto never does."""
    error: Any = {"Error": {"Code": code, "Message": "no"}}
    pages = SimpleNamespace(paginate=Mock(return_value=iter(_raising(ClientError(error, "GetParametersByPath")))))
    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_paginator=lambda _: pages))


def _raising(error: Exception) -> Any:
    yield {"Parameters": []}
    raise error


def test_who_may_not_read_them_is_told_what_to_ask_for_and_what_else_helps(
    ruled: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, "AccessDeniedException")
    with pytest.raises(UserError) as told:
        with_outputs(replace(ruled, by_rule=("bucket", "subnets")))
    assert str(told.value) == (
        f"the credentials may not read the SSM parameters /mlops/{ruled.project}/dev, where the infrastructure says "
        "what it has made; ask for ssm:GetParametersByPath, or give in config/environments/dev.yaml: bucket, subnets"
    )


def test_where_ssm_is_asked_too_often_that_is_said(ruled: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, "ThrottlingException")
    with pytest.raises(UserError, match="AWS is asked too often just now"), in_sentences(ruled):
        with_outputs(ruled)
