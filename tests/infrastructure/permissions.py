"""The IAM actions that a request to AWS's API needs."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from policies import IDENTITY, policies
from resources import Resource, of_kind

# Operations whose action has another name; without an entry it has the operation's.
_ACTIONS = {
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "budgets:CreateNotification": "budgets:ModifyBudget",
    "budgets:DeleteBudget": "budgets:ModifyBudget",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeNotificationsForBudget": "budgets:ViewBudget",
    "budgets:DescribeSubscribersForNotification": "budgets:ViewBudget",
    "budgets:UpdateBudget": "budgets:ModifyBudget",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}

# What setting tags while a resource is created needs beside the action of the operation.
_TAGGING = {
    "budgets": "budgets:TagResource",
    "cloudwatch": "cloudwatch:TagResource",
    "dynamodb": "dynamodb:TagResource",
    "ec2": "ec2:CreateTags",
    "events": "events:TagResource",
    "iam": "iam:TagRole",
    "kms": "kms:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sagemaker": "sagemaker:AddTags",
    "scheduler": "scheduler:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "ssm": "ssm:AddTagsToResource",
}

_PASS_ROLE = ("ec2:CreateFlowLogs", "lambda:CreateFunction", "scheduler:CreateSchedule")
_UNRESTRICTED = ("sts:GetCallerIdentity",)  # AWS asks for no permission


def needed(service: str, operation: str, with_tags: bool) -> Iterator[str]:
    """The actions that a request needs.

    Args:
        service: its name in botocore.
        operation: for example CreateBucket.
        with_tags: whether the request sets tags.
    """
    name = f"{service}:{operation}"
    if name in _UNRESTRICTED:
        return
    yield _ACTIONS.get(name, name)
    if with_tags and service in _TAGGING:
        yield _TAGGING[service]
    if name in _PASS_ROLE:
        yield "iam:PassRole"


def allowed(bootstrap: Sequence[Resource], role: str) -> set[str]:
    """The actions that the policies of a role of CI allow.

    Args:
        bootstrap: the resources of infra/bootstrap.
        role: plan or deploy.
    """
    attached = {
        found["policy_arn"]
        for found in of_kind(bootstrap, "aws_iam_role_policy_attachment")
        if str(found["role"]).endswith(f"-ci-{role}")
    }
    return {
        action
        for policy in policies(bootstrap)
        if policy.sort == IDENTITY and policy.resource["arn"] in attached
        for statement in policy.allowing
        for action in statement.actions
    }


def missing(requests: Sequence[Sequence[object]], permitted: set[str]) -> list[str]:
    """The actions that requests need and that are not among the permitted ones."""
    wanted = {
        action
        for service, operation, with_tags in requests
        for action in needed(str(service), str(operation), bool(with_tags))
    }
    return sorted(action for action in wanted if not any(fnmatch.fnmatch(action, name) for name in permitted))
