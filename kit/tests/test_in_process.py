"""Requests of this process to its own local cloud, which need no connection and get the responses of one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from mlops_kit.local_cloud.account import ACCOUNT
from mlops_kit.local_cloud.in_process import handled_in_process
from mlops_kit.local_cloud.listing import list_objects
from pipeline_harness import Lab, open_lab

UNUSED = "http://127.0.0.1:9"  # nothing listens on this port
KEYS = ("plain.csv", "a folder/ü+b.csv", "100%/%2F.csv", "a//b", "tilde~'(1)*")
LARGE = b"0123456789" * 300_000


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.fixture(scope="module")
def connected(lab: Lab) -> Any:
    """A client that uses a connection."""
    return boto3.Session().client(
        "s3",
        region_name=lab.cloud.environment.region,
        endpoint_url=lab.cloud.url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def client(service: str, url: str = UNUSED) -> Any:
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )


def without_request(answer: dict[str, Any]) -> dict[str, Any]:
    """A response without what differs from one request to the next."""
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "Body")}


@pytest.mark.parametrize("key", KEYS)
def test_an_object_is_the_same_with_and_without_a_connection(lab: Lab, connected: Any, key: str) -> None:
    direct, bucket = lab.cloud.client("s3"), lab.bucket
    for writer, content in ((direct, b"first"), (connected, b"second")):
        writer.put_object(Bucket=bucket, Key=key, Body=content, Metadata={"snake_case": "1", "kebab-case": "2"})
        answers = [reader.get_object(Bucket=bucket, Key=key) for reader in (direct, connected)]
        assert [answer["Body"].read() for answer in answers] == [content, content]
        assert without_request(answers[0]) == without_request(answers[1])
        assert answers[0]["Metadata"] == {"snake_case": "1", "kebab-case": "2"}
        heads = [reader.head_object(Bucket=bucket, Key=key) for reader in (direct, connected)]
        assert without_request(heads[0]) == without_request(heads[1])
    listings = [reader.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"] for reader in (direct, connected)]
    assert listings[0] == listings[1]
    assert [entry["Key"] for entry in listings[0]] == [key]
    in_memory = partial(list_objects, ACCOUNT, lab.cloud.environment.region, bucket, key)
    assert in_memory() == [(entry["Key"], entry["ETag"], entry["Size"]) for entry in listings[0]]
    direct.delete_object(Bucket=bucket, Key=key)
    assert in_memory() == []
    assert "Contents" not in connected.list_objects_v2(Bucket=bucket, Prefix=key)


def test_a_file_is_uploaded_as_a_stream(lab: Lab, connected: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(LARGE)
    with path.open("rb") as stream:
        lab.cloud.client("s3").put_object(Bucket=lab.bucket, Key="large.csv", Body=stream)
    assert connected.get_object(Bucket=lab.bucket, Key="large.csv")["Body"].read() == LARGE


def test_part_of_an_object_is_read(lab: Lab, connected: Any) -> None:
    direct = lab.cloud.client("s3")
    direct.put_object(Bucket=lab.bucket, Key="part.csv", Body=io.BytesIO(b"0123456789"))
    parts = [
        reader.get_object(Bucket=lab.bucket, Key="part.csv", Range="bytes=2-4")["Body"].read()
        for reader in (direct, connected)
    ]
    assert parts == [b"234", b"234"]


def test_an_error_is_the_same_with_and_without_a_connection(lab: Lab, connected: Any) -> None:
    errors = []
    for reader in (lab.cloud.client("s3"), connected):
        with pytest.raises(ClientError) as caught:
            reader.get_object(Bucket=lab.bucket, Key="absent.csv")
        errors.append((caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]))
    assert errors[0] == errors[1]


def test_no_connection_is_opened() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [b'{"PipelineArn": "arn of ', environ["HTTP_X_AMZ_TARGET"].encode(), b'"}']

    with handled_in_process(UNUSED, application):
        sagemaker = client("sagemaker")
        assert sagemaker.describe_pipeline(PipelineName="p")["PipelineArn"] == "arn of SageMaker.DescribePipeline"
    with pytest.raises(EndpointConnectionError):
        sagemaker.describe_pipeline(PipelineName="p")
    with pytest.raises(EndpointConnectionError):
        client("sagemaker").describe_pipeline(PipelineName="p")


def test_a_request_to_another_server_is_sent() -> None:
    def application(*_: Any) -> Iterable[bytes]:
        raise RuntimeError("this request is for another port")

    with handled_in_process(f"{UNUSED}0", application), pytest.raises(EndpointConnectionError):
        client("sagemaker").describe_pipeline(PipelineName="p")


def test_an_application_that_raises_is_a_fault_of_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    def application(*_: Any) -> Iterable[bytes]:
        raise RuntimeError("a defect")

    with handled_in_process(UNUSED, application), pytest.raises(ClientError) as caught:
        client("sagemaker").describe_pipeline(PipelineName="p")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "RuntimeError: a defect" in capsys.readouterr().err
