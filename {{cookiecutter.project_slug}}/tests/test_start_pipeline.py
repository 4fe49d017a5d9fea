from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from fake_aws import client, create_bucket, fake_aws, refused
from hypothesis import given
from hypothesis import strategies as st
from sample_events import SampleEvents

from lambdas.start_pipeline.handler import Settings, handler, start

SAMPLE = SampleEvents()
PREFIXES = {"data/training/": "training", "data/inference/": "inference", "data/labels/": "inference"}
SETTINGS = Settings("flats", "dev", PREFIXES)


@pytest.fixture(autouse=True)
def bucket():
    with fake_aws():
        create_bucket(SAMPLE.bucket)
        yield


class Pipelines:
    """A client of SageMaker that starts only one execution per token."""

    def __init__(self, error=None):
        self.started = {}
        self.error = error

    def start_pipeline_execution(self, **request):
        if self.error:
            raise self.error
        self.started.setdefault(request["ClientRequestToken"], request)
        number = list(self.started).index(request["ClientRequestToken"])
        return {"PipelineExecutionArn": SAMPLE.execution("any", str(number))}

    @property
    def names(self):
        return [request["PipelineName"] for request in self.started.values()]

    @property
    def parameters(self):
        (request,) = self.started.values()
        return {parameter["Name"]: parameter["Value"] for parameter in request["PipelineParameters"]}


@pytest.fixture
def pipelines():
    return Pipelines()


def put(key, body=b"1,2"):
    client("s3").put_object(Bucket=SAMPLE.bucket, Key=key, Body=body)


def answer_to(event, pipelines):
    return start(event, SETTINGS, client("s3"), pipelines)


def test_training_data_starts_training_with_its_key_and_version_as_trigger(pipelines):
    answer = answer_to(SAMPLE.object_created("data/training/rows.csv", version="v7"), pipelines)
    assert answer == {"key": "data/training/rows.csv", "execution": SAMPLE.execution("any", "0")}
    assert pipelines.names == ["flats-dev-training"]
    assert pipelines.parameters == {
        "Trigger": "new-data",
        "TriggerKey": "data/training/rows.csv",
        "TriggerVersion": "v7",
    }


@pytest.mark.parametrize("reason", ["PutObject", "CompleteMultipartUpload", "CopyObject", "POST Object"])
def test_an_object_counts_whichever_way_it_was_written(pipelines, reason):
    answer_to(SAMPLE.object_created("data/training/rows.csv", reason=reason), pipelines)
    assert pipelines.names == ["flats-dev-training"]


def test_rows_start_inference_on_all_rows(pipelines):
    answer_to(SAMPLE.object_created("data/inference/rows.csv"), pipelines)
    assert pipelines.names == ["flats-dev-inference"]
    assert set(pipelines.parameters) == {"Trigger", "TriggerKey", "TriggerVersion"}


@pytest.mark.parametrize("batch", ["november", "2026/11", "näher dran+1"])
@pytest.mark.parametrize("folder", ["inference", "labels"])
def test_a_batch_in_its_own_folder_is_predicted_and_judged_separately(pipelines, folder, batch):
    put(f"data/inference/{batch}/rows.csv")
    answer_to(SAMPLE.object_created(f"data/{folder}/{batch}/some.csv"), pipelines)
    assert pipelines.names == ["flats-dev-inference"]
    assert pipelines.parameters["InputDataUri"] == f"s3://{SAMPLE.bucket}/data/inference/{batch}/"
    assert pipelines.parameters["LabelsUri"] == f"s3://{SAMPLE.bucket}/data/labels/{batch}/"


def test_a_folder_of_training_data_is_not_a_batch(pipelines):
    answer_to(SAMPLE.object_created("data/training/2026/rows.csv"), pipelines)
    assert "InputDataUri" not in pipelines.parameters


@pytest.mark.parametrize("keys", [[], ["other/rows.csv"], ["b/", "b/_SUCCESS"], ["b2/rows.csv"]])
def test_labels_wait_for_their_rows(pipelines, keys):
    for key in keys:
        put(f"data/inference/{key}", b"" if key.endswith("/") else b"1")
    answer = answer_to(SAMPLE.object_created("data/labels/b/labels.csv"), pipelines)
    assert answer["skipped"] == (
        f"s3://{SAMPLE.bucket}/data/inference/b/ has no rows yet; they will start the pipeline when they arrive"
    )
    assert pipelines.started == {}


def test_labels_of_existing_rows_start_inference(pipelines):
    put("data/inference/rows.csv")
    answer_to(SAMPLE.object_created("data/labels/labels.csv"), pipelines)
    assert pipelines.names == ["flats-dev-inference"]


@pytest.mark.parametrize(
    ("key", "size", "reason"),
    [
        ("data/training/", 0, "it is a folder"),
        ("data/training/2026/", 0, "it is a folder"),
        ("data/training/.rows.csv.swp", 9, "jobs do not read files whose names begin with . or _"),
        ("data/training/_SUCCESS", 0, "jobs do not read files whose names begin with . or _"),
        ("data/training/rows.csv", 0, "it is empty"),
    ],
)
def test_an_object_that_no_job_reads_is_skipped_with_a_reason(pipelines, key, size, reason):
    assert answer_to(SAMPLE.object_created(key, size=size), pipelines) == {"key": key, "skipped": reason}
    assert pipelines.started == {}


def test_an_event_that_arrives_twice_starts_one_execution(pipelines):
    first, again = (answer_to(SAMPLE.object_created("data/training/rows.csv"), pipelines) for _ in range(2))
    assert first == again
    assert len(pipelines.started) == 1


def test_a_key_that_is_overwritten_starts_again(pipelines):
    for version in ("v1", "v2"):
        answer_to(SAMPLE.object_created("data/training/rows.csv", version=version), pipelines)
    assert len(pipelines.started) == 2


@pytest.mark.parametrize("version", [None, "", "null"])
def test_each_write_counts_even_without_versions(pipelines, version):
    for sequencer in ("00A1", "00A2", "00A2"):
        event = SAMPLE.object_created("data/training/rows.csv")
        event["detail"]["object"]["version-id"] = version
        event["detail"]["object"]["sequencer"] = sequencer
        answer_to(event, pipelines)
    assert len(pipelines.started) == 2
    assert {p["Value"] for r in pipelines.started.values() for p in r["PipelineParameters"]} == {
        "new-data",
        "data/training/rows.csv",
        "none",
    }


@given(
    st.sampled_from(sorted(PREFIXES)),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: name[0] not in "._/"),
)
def test_sagemaker_accepts_the_request_for_any_key(prefix, name):
    pipelines, key = Pipelines(), f"{prefix}{name}"
    pages = [{"Contents": [{"Key": "data/inference/rows.csv", "Size": 1}]}]
    s3 = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages))
    start(SAMPLE.object_created(key), SETTINGS, s3, pipelines)
    for token, request in pipelines.started.items():
        assert re.fullmatch("[a-zA-Z0-9-]{32,128}", token)
        assert {"Name": "TriggerKey", "Value": key} in request["PipelineParameters"]


def test_the_longest_prefix_decides(pipelines):
    settings = Settings("flats", "dev", {"data/": "training", "data/inference/": "inference"})
    start(SAMPLE.object_created("data/inference/rows.csv"), settings, client("s3"), pipelines)
    assert pipelines.names == ["flats-dev-inference"]


def test_an_object_with_another_prefix_is_an_error_that_names_the_prefixes_of_data(pipelines):
    with pytest.raises(ValueError, match=re.escape("x.csv starts no pipeline; only objects under data/training/")):
        answer_to(SAMPLE.object_created("executions/x.csv"), pipelines)


def test_an_event_of_another_type_is_an_error(pipelines):
    with pytest.raises(ValueError, match=r"an event 'SageMaker Model .* from 'aws.sagemaker' is not about a new"):
        answer_to(SAMPLE.package_changed(), pipelines)


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (
            "ResourceNotFound",
            RuntimeError,
            "the pipeline flats-dev-training, which data/training/rows.csv should start, is not deployed; deploy it: "
            "mlops deploy --env dev",
        ),
        ("ThrottlingException", ClientError, "ThrottlingException"),
    ],
)
def test_a_pipeline_that_cannot_be_started_is_an_error_so_that_lambda_retries(pipelines, code, error, message):
    pipelines.error = refused(code)
    with pytest.raises(error, match=message):
        answer_to(SAMPLE.object_created("data/training/rows.csv"), pipelines)


def test_the_handler_reads_the_variables_of_terraform_and_logs_its_answer(monkeypatch, capsys):
    for name, value in {"PROJECT": "flats", "ENVIRONMENT": "dev", "PREFIXES": json.dumps(PREFIXES)}.items():
        monkeypatch.setenv(name, value)
    answer = handler(SAMPLE.object_created("data/training/", size=0), None)
    assert answer == json.loads(capsys.readouterr().out) == {"key": "data/training/", "skipped": "it is a folder"}
