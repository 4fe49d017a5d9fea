"""An AWS account in memory, for the tests of the functions in lambdas/."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

REGION = "eu-west-1"

client = cache(boto3.client)  # creating one takes longer than any test


@contextmanager
def fake_aws() -> Iterator[None]:
    """An empty account, for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield


def create_bucket(name: str) -> None:
    """Create a bucket."""
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def create_table(name: str) -> None:
    """Create a table like the one that Terraform creates for the functions."""
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def create_queue(name: str) -> tuple[str, str]:
    """Create a queue; returns its URL and ARN."""
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(queue_url: str) -> list[str]:
    """Take the messages out of a queue; returns their bodies."""
    messages = client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def refused(code: str, operation: str = "Operation", status: int = 400) -> ClientError:
    """The error that boto3 raises if AWS refuses a request."""
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)
