from __future__ import annotations

import re
from functools import cache
from unittest.mock import MagicMock, Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.resolve_inputs.handler import handler, resolve

BUCKET, GROUP, NOTHING = "bucket", "flats-dev", "s3://bucket/code/nothing"
CONTAINER = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
BASELINES = {
    "ModelDataQuality": {
        "Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/baseline/statistics.json"},
        "Constraints": {"ContentType": "application/json", "S3Uri": "s3://bucket/baseline/constraints.json"},
    }
}


client = cache(boto3.client)  # making one takes longer than any test


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield


def put(key, body=b"1,2"):
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def register(status="Approved", container=CONTAINER, baselines=BASELINES):
    sagemaker = client("sagemaker")
    if not sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]:
        sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    return sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus=status,
        InferenceSpecification={"Containers": [container], "SupportedContentTypes": ["text/csv"]},
        DriftCheckBaselines=baselines,
    )["ModelPackageArn"]


def answer_to(purpose="inference", data_uri="s3://bucket/data", labels_uri="s3://bucket/labels"):
    return resolve(event(purpose, data_uri, labels_uri), client("s3"), client("sagemaker"))


def event(purpose="inference", data_uri="s3://bucket/data", labels_uri="s3://bucket/labels"):
    return {
        "purpose": purpose,
        "data_uri": data_uri,
        "labels_uri": labels_uri,
        "model_package_group": GROUP,
        "nothing_uri": NOTHING,
    }


def test_an_approved_model_is_handed_on_with_its_baselines():
    put("data/a.csv")
    arn = register()
    answer = answer_to()
    assert answer["ModelApproved"] == "true"
    assert answer["ModelPackageArn"] == arn
    assert answer["ModelDataUri"] == "s3://bucket/model.tar.gz"
    assert answer["BaselineStatisticsUri"] == "s3://bucket/baseline/statistics.json"
    assert answer["BaselineConstraintsUri"] == "s3://bucket/baseline/constraints.json"


def test_the_answer_is_made_of_at_most_ten_strings_as_a_lambda_step_wants():
    put("data/a.csv")
    for purpose in ("training", "inference"):
        answer = answer_to(purpose)
        assert len(answer) <= 10
        assert all(isinstance(value, str) for value in answer.values())


def test_the_latest_approved_model_is_taken_and_not_the_latest():
    put("data/a.csv")
    register()
    approved = register()
    register("PendingManualApproval")
    register("Rejected")
    assert answer_to()["ModelPackageArn"] == approved


@pytest.mark.parametrize("status", [None, "PendingManualApproval", "Rejected"])
def test_without_an_approved_model_nothing_stands_for_it(status):
    put("data/a.csv")
    if status:
        register(status)
    answer = answer_to()
    assert answer["ModelApproved"] == "false"
    assert answer["ModelDataUri"] == NOTHING
    assert answer["ModelPackageArn"] == answer["BaselineStatisticsUri"] == answer["BaselineConstraintsUri"] == ""


def test_a_model_without_baselines_can_be_beaten_but_not_used():
    put("data/a.csv")
    arn = register(baselines={})
    assert answer_to("training")["ModelPackageArn"] == arn
    with pytest.raises(ValueError, match=re.escape(f"{arn} was registered without its statistics")):
        answer_to("inference")


def test_a_package_without_a_model_is_refused():
    put("data/a.csv")
    register(container={"Image": "image"})
    with pytest.raises(ValueError, match="registered without its model"):
        answer_to("training")


@pytest.mark.parametrize(
    ("code", "message"),
    [("ResourceNotFound", "group does not exist"), ("ValidationException", "ModelPackageGroup flats-dev not found")],
)
def test_a_group_that_is_not_there_yet_holds_no_model(code, message):
    put("data/a.csv")
    assert resolve(event(), client("s3"), refusing(code, message))["ModelApproved"] == "false"


def test_an_account_that_may_not_list_models_is_not_one_without_models():
    put("data/a.csv")
    with pytest.raises(ClientError, match="AccessDenied"):
        resolve(event(), client("s3"), refusing("AccessDeniedException", "a policy that allows it was not found"))


def refusing(code, message):
    """SageMaker's client, whose answer is a refusal as soon as somebody reads it."""
    pages = MagicMock()
    pages.__iter__.side_effect = ClientError({"Error": {"Code": code, "Message": message}}, "ListModelPackages")
    return Mock(**{"get_paginator.return_value.paginate.return_value": pages})


def test_aws_lambda_gets_the_same_answer():
    put("data/a.csv")
    register()
    assert handler(event(), None) == answer_to()


def test_the_data_version_stays_while_the_data_stays():
    put("data/a.csv")
    put("data/b.csv")
    version = answer_to()["DataVersion"]
    assert re.fullmatch("[0-9a-f]{16}", version)
    assert answer_to("training")["DataVersion"] == version
    put("data/a.csv")
    assert answer_to()["DataVersion"] == version, "the same content, uploaded again"


def changed():
    put("data/a.csv", b"3,4")


def grown():
    put("data/b.csv")


def shrunk():
    client("s3").delete_object(Bucket=BUCKET, Key="data/c.csv")


@pytest.mark.parametrize("change", [changed, grown, shrunk])
def test_the_data_version_changes_with_the_data(change):
    put("data/a.csv")
    put("data/c.csv")
    before = answer_to()["DataVersion"]
    change()
    assert answer_to()["DataVersion"] != before


def test_what_the_jobs_do_not_read_is_no_data():
    put("data/a.csv")
    before = answer_to()["DataVersion"]
    for key in ("data/", "data/.hidden", "data/_SUCCESS", "labels/l.csv", "other/o.csv"):
        put(key)
    assert answer_to()["DataVersion"] == before


def test_a_folder_is_taken_with_all_that_is_below_it():
    put("data/2026/11/a.csv")
    put("data/2026/12/a.csv")
    for uri in ("s3://bucket", "s3://bucket/", "s3://bucket/data/", "s3://bucket/data/2026/"):
        assert answer_to(data_uri=uri)["DataVersion"] == answer_to()["DataVersion"]
    assert answer_to(data_uri="s3://bucket/data/2026/11/")["DataVersion"] != answer_to()["DataVersion"]
    assert answer_to(data_uri="s3://bucket/data/2026/11/a.csv")["DataVersion"]


@pytest.mark.parametrize("place", ["data", "labels"])
@pytest.mark.parametrize("key", ["{}-old/a.csv", "{}.csv", "{}2/deep/a.csv"])
def test_what_only_begins_like_the_folder_is_refused(place, key):
    put("data/a.csv")
    put("labels/a.csv")
    put(key.format(place))
    said = (
        f"s3://bucket/{place} would take in s3://bucket/{key.format(place)} as well, since S3 goes by how a key begins"
    )
    with pytest.raises(ValueError, match=f"{re.escape(said)}; end the URI with a slash if it is a folder"):
        answer_to()
    assert answer_to(data_uri="s3://bucket/data/", labels_uri="s3://bucket/labels/")["LabelsAvailable"] == "true"


def test_what_no_job_reads_may_begin_like_the_folder():
    put("data/a.csv")
    put("data-old/")
    put("data-old/_SUCCESS")
    assert answer_to()["DataVersion"]


def test_every_page_of_a_long_list_counts(monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    for name in "abcde":
        put(f"data/{name}.csv")
    before = answer_to()["DataVersion"]
    put("data/e.csv", b"3,4")
    assert answer_to()["DataVersion"] != before


@pytest.mark.parametrize("key", ["data/", "data/.gitkeep", "data/_SUCCESS"])
def test_where_there_is_no_data_the_place_is_named(key):
    put(key)
    with pytest.raises(ValueError, match=re.escape("no data under s3://bucket/data; put CSV files there")):
        answer_to()


def test_a_uri_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=re.escape("'data/training' is no place in S3")):
        answer_to(data_uri="data/training")


def test_labels_are_handed_on_to_an_inference():
    put("data/a.csv")
    put("labels/a.csv")
    answer = answer_to()
    assert answer["LabelsAvailable"] == "true"
    assert answer["LabelsUri"] == "s3://bucket/labels"
    put("labels/a.csv", b"3")
    assert answer_to()["LabelsVersion"] != answer["LabelsVersion"] != ""


@pytest.mark.parametrize("key", ["elsewhere/a.csv", "labels/", "labels/.gitkeep", "labels/_SUCCESS"])
def test_without_labels_nothing_stands_for_them(key):
    put("data/a.csv")
    put(key)
    answer = answer_to()
    assert (answer["LabelsAvailable"], answer["LabelsUri"], answer["LabelsVersion"]) == ("false", NOTHING, "")


def test_a_training_looks_for_no_labels():
    put("data/a.csv")
    put("labels/a.csv")
    assert answer_to("training", labels_uri="")["LabelsAvailable"] == "false"
