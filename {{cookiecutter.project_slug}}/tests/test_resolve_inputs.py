from __future__ import annotations

import re
from unittest.mock import MagicMock, Mock

import pytest
from botocore.exceptions import ClientError
from fake_aws import client, create_bucket, fake_aws

from lambdas.resolve_inputs.handler import handler, resolve

BUCKET, GROUP, NOTHING = "bucket", "flats-dev", "s3://bucket/code/nothing"
CONTAINER = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
BASELINES = {
    "ModelDataQuality": {
        "Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/baseline/statistics.json"},
        "Constraints": {"ContentType": "application/json", "S3Uri": "s3://bucket/baseline/constraints.json"},
    }
}


@pytest.fixture(autouse=True)
def bucket():
    with fake_aws():
        create_bucket(BUCKET)
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
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


def answer_to(*arguments, **changes):
    return resolve(event(*arguments, **changes), client("s3"), client("sagemaker"))


def event(purpose="inference", data_uri="s3://bucket/data", labels_uri="s3://bucket/labels"):
    return {
        "purpose": purpose,
        "data_uri": data_uri,
        "labels_uri": labels_uri,
        "model_package_group": GROUP,
        "nothing_uri": NOTHING,
    }


def test_an_approved_model_is_passed_on_with_its_baselines():
    put("data/a.csv")
    arn = register()
    answer = answer_to()
    assert answer["ModelApproved"] == "true"
    assert answer["ModelPackageArn"] == arn
    assert answer["ModelDataUri"] == "s3://bucket/model.tar.gz"
    assert answer["BaselineStatisticsUri"] == "s3://bucket/baseline/statistics.json"
    assert answer["BaselineConstraintsUri"] == "s3://bucket/baseline/constraints.json"


def test_the_answer_has_at_most_ten_strings_the_limit_of_a_lambda_step():
    put("data/a.csv")
    for purpose in ("training", "inference"):
        answer = answer_to(purpose)
        assert len(answer) <= 10
        assert all(isinstance(value, str) for value in answer.values())


def test_the_latest_approved_model_is_used_and_not_the_latest():
    put("data/a.csv")
    register()
    approved = register()
    register("PendingManualApproval")
    register("Rejected")
    assert answer_to()["ModelPackageArn"] == approved


@pytest.mark.parametrize("status", [None, "PendingManualApproval", "Rejected"])
def test_a_missing_model_is_replaced(status):
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
def test_a_group_that_does_not_exist_yet_has_no_model(code, message):
    put("data/a.csv")
    assert resolve(event(), client("s3"), refusing(code, message))["ModelApproved"] == "false"


def test_an_error_in_listing_models_is_raised():
    put("data/a.csv")
    with pytest.raises(ClientError, match="AccessDenied"):
        resolve(event(), client("s3"), refusing("AccessDeniedException", "a policy that allows it was not found"))


def refusing(code, message):
    """A client of SageMaker that fails once its pages are read."""
    pages = MagicMock()
    pages.__iter__.side_effect = ClientError({"Error": {"Code": code, "Message": message}}, "ListModelPackages")
    return Mock(**{"get_paginator.return_value.paginate.return_value": pages})


def test_the_handler_gives_the_same_answer():
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


def test_objects_that_jobs_do_not_read_are_not_data():
    put("data/a.csv")
    before = answer_to()["DataVersion"]
    for key in ("data/", "data/.hidden", "data/_SUCCESS", "labels/l.csv", "other/o.csv"):
        put(key)
    assert answer_to()["DataVersion"] == before


def test_a_folder_includes_its_subfolders():
    put("data/2026/11/a.csv")
    put("data/2026/12/a.csv")
    for uri in ("s3://bucket", "s3://bucket/", "s3://bucket/data/", "s3://bucket/data/2026/"):
        assert answer_to(data_uri=uri)["DataVersion"] == answer_to()["DataVersion"]
    assert answer_to(data_uri="s3://bucket/data/2026/11/")["DataVersion"] != answer_to()["DataVersion"]
    assert answer_to(data_uri="s3://bucket/data/2026/11/a.csv")["DataVersion"]


@pytest.mark.parametrize("folder", ["data", "labels"])
@pytest.mark.parametrize("key", ["{}-old/a.csv", "{}.csv", "{}2/deep/a.csv"])
def test_a_key_that_only_begins_like_the_folder_is_refused(folder, key):
    put("data/a.csv")
    put("labels/a.csv")
    other = key.format(folder)
    put(other)
    message = f"s3://bucket/{folder} also matches s3://bucket/{other}, because S3 compares only the beginning of a key"
    with pytest.raises(ValueError, match=f"{re.escape(message)}; end the URI with a slash if it is a folder"):
        answer_to()
    assert answer_to(data_uri="s3://bucket/data/", labels_uri="s3://bucket/labels/")["LabelsAvailable"] == "true"


def test_an_object_that_no_job_reads_may_begin_like_the_folder():
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
def test_missing_data_is_an_error_that_names_the_place(key):
    put(key)
    with pytest.raises(ValueError, match=re.escape("no data under s3://bucket/data; put CSV files there")):
        answer_to()


def test_another_kind_of_uri_is_refused():
    with pytest.raises(ValueError, match=re.escape("'data/training' is not an S3 URI")):
        answer_to(data_uri="data/training")


def test_labels_are_passed_on_to_an_inference():
    put("data/a.csv")
    put("labels/a.csv")
    answer = answer_to()
    assert answer["LabelsAvailable"] == "true"
    assert answer["LabelsUri"] == "s3://bucket/labels"
    put("labels/a.csv", b"3")
    assert answer_to()["LabelsVersion"] != answer["LabelsVersion"] != ""


@pytest.mark.parametrize("key", ["elsewhere/a.csv", "labels/", "labels/.gitkeep", "labels/_SUCCESS"])
def test_missing_labels_are_replaced(key):
    put("data/a.csv")
    put(key)
    answer = answer_to()
    assert (answer["LabelsAvailable"], answer["LabelsUri"], answer["LabelsVersion"]) == ("false", NOTHING, "")


def test_a_training_ignores_labels():
    put("data/a.csv")
    put("labels/a.csv")
    assert answer_to("training", labels_uri="")["LabelsAvailable"] == "false"
