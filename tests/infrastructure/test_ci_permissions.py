"""Each request that Terraform sends is allowed by the role of CI that sends it."""

from __future__ import annotations

import pytest

from permissions import allowed, missing
from stacks import DestroyedStack, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


@pytest.mark.parametrize(
    ("phase", "role"), [("plan", "plan"), ("apply", "deploy"), ("update", "deploy"), ("destroy", "deploy")]
)
def test_every_request_of_a_phase_is_allowed_by_its_role(
    destroyed: DestroyedStack, bootstrap: Stack, phase: str, role: str
) -> None:
    requests = destroyed.requests[phase]
    assert len(requests) > 20
    assert missing(requests, allowed(bootstrap.made, role)) == []


def test_planning_sends_no_request_that_changes_something(destroyed: DestroyedStack) -> None:
    reads = ("Describe", "Get", "Head", "List")
    changing = [(service, name) for service, name, _ in destroyed.requests["plan"] if not name.startswith(reads)]
    assert changing == []


def test_the_recording_covers_every_service_of_the_infrastructure(destroyed: DestroyedStack) -> None:
    services = {service for service, *_ in destroyed.requests["apply"]}
    expected = {"budgets", "cloudwatch", "dynamodb", "ec2", "events", "iam", "kms", "lambda", "logs", "s3", "sagemaker"}
    assert expected | {"sns", "sqs", "ssm"} <= services


def test_a_request_that_no_policy_allows_is_found(bootstrap: Stack) -> None:
    requests = [("lambda", "DeleteFunction", False), ("s3", "PutObject", False), ("iam", "CreateUser", True)]
    assert missing(requests, allowed(bootstrap.made, "plan")) == [
        "iam:CreateUser",
        "iam:TagRole",
        "lambda:DeleteFunction",
        "s3:PutObject",
    ]
