"""S3 emits an event for a new object in AWS's documented form, whatever operation created the object."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3.s3.transfer
import pytest

from pipeline_harness import Lab, open_lab

LARGE = b"1,2,3\n" * 1_100_000  # more than the minimum of 5 MB for a part


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        enable_events(opened, opened.bucket)
        yield opened


@pytest.fixture(scope="module")
def received(lab: Lab) -> Callable[[], list[dict[str, Any]]]:
    """Returns the events of new objects since the last call."""
    sqs, events = lab.cloud.client("sqs"), lab.cloud.client("events")
    url = sqs.create_queue(QueueName="received")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
    events.put_rule(Name="new", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="new", Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    return receive


def enable_events(lab: Lab, bucket: str) -> None:
    lab.cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def test_put_object_emits_an_event(lab: Lab, received: Callable[[], list[dict[str, Any]]]) -> None:
    key = "data/training/a b+ü.csv"
    put = lab.cloud.client("s3").put_object(Bucket=lab.bucket, Key=key, Body=b"1,2\n")
    (event,) = received()
    assert (event["source"], event["account"], event["region"]) == ("aws.s3", "123456789012", "us-east-1")
    assert event["resources"] == [f"arn:aws:s3:::{lab.bucket}"]
    detail = event["detail"]
    assert (detail["bucket"], detail["reason"]) == ({"name": lab.bucket}, "PutObject")
    about = detail["object"]
    assert about.pop("sequencer")
    assert about == {"key": key, "size": 4, "etag": put["ETag"].strip('"'), "version-id": put["VersionId"]}


def test_a_multipart_upload_emits_one_event(lab: Lab, received: Callable[[], list[dict[str, Any]]]) -> None:
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    lab.cloud.client("s3").upload_fileobj(io.BytesIO(LARGE), lab.bucket, "data/training/large.csv", Config=parts)
    (event,) = received()
    head = lab.cloud.client("s3").head_object(Bucket=lab.bucket, Key="data/training/large.csv")
    assert event["detail"]["reason"] == "CompleteMultipartUpload"
    about = event["detail"]["object"]
    assert (about["size"], about["etag"]) == (len(LARGE), head["ETag"].strip('"'))
    assert about["version-id"] == head["VersionId"]


def test_copy_object_emits_an_event(lab: Lab, received: Callable[[], list[dict[str, Any]]]) -> None:
    s3 = lab.cloud.client("s3")
    s3.put_object(Bucket=lab.bucket, Key="old.csv", Body=b"1")
    received()
    s3.copy_object(Bucket=lab.bucket, Key="new.csv", CopySource={"Bucket": lab.bucket, "Key": "old.csv"})
    (event,) = received()
    assert (event["detail"]["object"]["key"], event["detail"]["reason"]) == ("new.csv", "CopyObject")


def test_the_event_of_an_unversioned_object_has_no_version(
    lab: Lab, received: Callable[[], list[dict[str, Any]]]
) -> None:
    s3 = lab.cloud.client("s3")
    s3.create_bucket(Bucket="unversioned")
    s3.put_object(Bucket="unversioned", Key="silent.csv", Body=b"1")
    assert received() == [], "events of this bucket are not enabled yet"
    enable_events(lab, "unversioned")
    s3.put_object(Bucket="unversioned", Key="a.csv", Body=b"1")
    (event,) = received()
    assert "version-id" not in event["detail"]["object"]


def test_a_later_event_of_an_object_has_a_greater_sequencer(
    lab: Lab, received: Callable[[], list[dict[str, Any]]]
) -> None:
    for _ in range(2):
        lab.cloud.client("s3").put_object(Bucket=lab.bucket, Key="a.csv", Body=b"1")
    first, second = (event["detail"]["object"]["sequencer"] for event in received())
    assert first < second
