"""S3 tells EventBridge of a new object in the form that AWS documents, however the object came to be."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3.s3.transfer
import pytest

from pipeline_harness import Lab, open_lab

LARGE = b"1,2,3\n" * 1_100_000  # more than the 5 MB that a part has to have


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        switch_on(opened, opened.bucket)
        yield opened


@pytest.fixture(scope="module")
def heard(lab: Lab) -> Callable[[], list[dict[str, Any]]]:
    """The events of new objects since it was asked last."""
    sqs, events = lab.cloud.client("sqs"), lab.cloud.client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
    events.put_rule(Name="new", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="new", Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    return receive


def switch_on(lab: Lab, bucket: str) -> None:
    lab.cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def test_an_object_that_is_put_is_told_of(lab: Lab, heard: Callable[[], list[dict[str, Any]]]) -> None:
    key = "data/training/a b+ü.csv"
    put = lab.cloud.client("s3").put_object(Bucket=lab.bucket, Key=key, Body=b"1,2\n")
    (event,) = heard()
    assert (event["source"], event["account"], event["region"]) == ("aws.s3", "123456789012", "us-east-1")
    assert event["resources"] == [f"arn:aws:s3:::{lab.bucket}"]
    detail = event["detail"]
    assert (detail["bucket"], detail["reason"]) == ({"name": lab.bucket}, "PutObject")
    about = detail["object"]
    assert about.pop("sequencer")
    assert about == {"key": key, "size": 4, "etag": put["ETag"].strip('"'), "version-id": put["VersionId"]}


def test_an_object_that_comes_in_parts_is_told_of_once(lab: Lab, heard: Callable[[], list[dict[str, Any]]]) -> None:
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    lab.cloud.client("s3").upload_fileobj(io.BytesIO(LARGE), lab.bucket, "data/training/large.csv", Config=parts)
    (event,) = heard()
    found = lab.cloud.client("s3").head_object(Bucket=lab.bucket, Key="data/training/large.csv")
    assert event["detail"]["reason"] == "CompleteMultipartUpload"
    about = event["detail"]["object"]
    assert (about["size"], about["etag"]) == (len(LARGE), found["ETag"].strip('"'))
    assert about["version-id"] == found["VersionId"]


def test_an_object_that_is_copied_is_told_of(lab: Lab, heard: Callable[[], list[dict[str, Any]]]) -> None:
    s3 = lab.cloud.client("s3")
    s3.put_object(Bucket=lab.bucket, Key="old.csv", Body=b"1")
    heard()
    s3.copy_object(Bucket=lab.bucket, Key="new.csv", CopySource={"Bucket": lab.bucket, "Key": "old.csv"})
    (event,) = heard()
    assert (event["detail"]["object"]["key"], event["detail"]["reason"]) == ("new.csv", "CopyObject")


def test_without_versions_there_is_none_in_the_event(lab: Lab, heard: Callable[[], list[dict[str, Any]]]) -> None:
    s3 = lab.cloud.client("s3")
    s3.create_bucket(Bucket="unversioned")
    s3.put_object(Bucket="unversioned", Key="untold.csv", Body=b"1")
    assert heard() == [], "nobody has asked this bucket to tell"
    switch_on(lab, "unversioned")
    s3.put_object(Bucket="unversioned", Key="a.csv", Body=b"1")
    (event,) = heard()
    assert "version-id" not in event["detail"]["object"]


def test_of_two_writings_the_later_has_the_greater_sequencer(
    lab: Lab, heard: Callable[[], list[dict[str, Any]]]
) -> None:
    for _ in range(2):
        lab.cloud.client("s3").put_object(Bucket=lab.bucket, Key="a.csv", Body=b"1")
    first, second = (event["detail"]["object"]["sequencer"] for event in heard())
    assert first < second
