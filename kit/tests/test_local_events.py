"""What happens in the local cloud is told on its event bus in SageMaker's words, and written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline_harness import Lab, condition, equals, fail, open_lab

EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
PACKAGE = "SageMaker Model Package State Change"
CONTAINER = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.fixture
def heard(lab: Lab) -> Iterator[Any]:
    """Events that a rule brings to a queue, as its consumers would get them."""
    sqs, events = lab.cloud.client("sqs"), lab.cloud.client("events")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[dict[str, Any]]:
        lab.cloud.flush()
        found = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    yield receive
    events.remove_targets(Rule="all", Ids=["queue"])
    events.delete_rule(Name="all")
    sqs.delete_queue(QueueUrl=queue)


def package(lab: Lab, **more: Any) -> str:
    answer = lab.cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=lab.cloud.environment.model_package_group,
        InferenceSpecification={
            "Containers": [CONTAINER],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        **more,
    )
    return str(answer["ModelPackageArn"])


def details(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in events if event["detail-type"] == kind]


def test_an_execution_tells_of_itself_and_of_each_step(lab: Lab, heard: Any) -> None:
    check = condition("Check", equals(1, 1), then=[lab.job("Good")], otherwise=[fail("Bad", "no")])
    record = lab.run(lab.job("First"), {**check, "DependsOn": ["First"]})
    events = heard()
    whole = details(events, EXECUTION)
    assert [event["currentPipelineExecutionStatus"] for event in whole] == ["Executing", "Succeeded"]
    assert whole[1]["previousPipelineExecutionStatus"] == "Executing"
    assert {"pipelineArn", "pipelineExecutionArn", "executionStartTime", "executionEndTime"} <= set(whole[1])
    steps = [(event["stepName"], event["currentStepStatus"]) for event in details(events, STEP)]
    assert steps == [
        ("First", "Starting"),
        ("First", "Executing"),
        ("First", "Succeeded"),
        ("Check", "Starting"),
        ("Check", "Executing"),
        ("Check", "Succeeded"),
        ("Good", "Starting"),
        ("Good", "Executing"),
        ("Good", "Succeeded"),
    ], "of a branch that is not taken nothing is told"
    first = details(events, STEP)[2]
    assert first["stepType"] == "Processing"
    assert first["metadata"]["processingJob"]["arn"].startswith("arn:aws:sagemaker:")
    envelope = events[-1]
    assert envelope["source"] == "aws.sagemaker"
    assert envelope["resources"] == [record["arn"].partition("/execution/")[0], record["arn"]]


def test_a_failure_tells_why(lab: Lab, heard: Any) -> None:
    lab.run(lab.job("Broken", "raise SystemExit('error: no rows')"))
    failed = details(heard(), STEP)[-1]
    assert (failed["currentStepStatus"], failed["previousStepStatus"]) == ("Failed", "Executing")
    assert failed["failureReason"] == "AlgorithmError: no rows"


def test_a_cached_step_says_so(lab: Lab, heard: Any) -> None:
    kind = lab.deploy(lab.job("Same", CacheConfig={"Enabled": True}))
    first = lab.cloud.run(kind)
    heard()
    lab.cloud.run(kind)
    assert details(heard(), STEP)[-1]["cacheHitResult"] == {"sourcePipelineExecutionArn": first.arn}


def test_a_model_package_tells_of_its_making_and_of_each_decision(lab: Lab, heard: Any) -> None:
    arn = package(lab, CustomerMetadataProperties={"kind": "training"})
    lab.cloud.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks right"
    )
    made, decided = details(heard(), PACKAGE)
    assert (made["ModelPackageArn"], made["ModelApprovalStatus"]) == (arn, "PendingManualApproval")
    assert "UpdatedModelPackageFields" not in made
    assert (decided["ModelApprovalStatus"], decided["ApprovalDescription"]) == ("Approved", "looks right")
    assert decided["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]
    assert decided["CustomerMetadataProperties"] == {"kind": "training"}


def test_what_is_told_is_written_down_too(lab: Lab, heard: Any) -> None:
    before = len((lab.cloud.work / "events.jsonl").read_text(encoding="utf-8").splitlines())
    lab.run(lab.job("First"))
    told = heard()
    lines = (lab.cloud.work / "events.jsonl").read_text(encoding="utf-8").splitlines()[before:]
    written = [json.loads(line) for line in lines]
    assert [event["detail"] for event in written] == [event["detail"] for event in told]
    assert {"version", "id", "detail-type", "source", "account", "time", "region", "resources"} <= set(written[0])


# Model packages are as AWS keeps them


def test_a_package_keeps_all_that_it_is_given(lab: Lab) -> None:
    source = {"S3Uri": "s3://bucket/statistics.json", "ContentType": "application/json"}
    given = {
        "ModelMetrics": {"ModelQuality": {"Statistics": source}},
        "DriftCheckBaselines": {"ModelDataQuality": {"Statistics": source, "Constraints": source}},
        "MetadataProperties": {"CommitId": "abc", "Repository": "repo", "GeneratedBy": "build-7"},
        "CustomerMetadataProperties": {"git_commit": "abc"},
    }
    arn = package(lab, **given)
    described = lab.cloud.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert {key: described[key] for key in given} == given


def test_an_update_changes_what_it_names_and_nothing_else(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    arn = package(lab, CustomerMetadataProperties={"kind": "training"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"approved_by": "ada"})
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", "good")
    assert described["CustomerMetadataProperties"] == {"kind": "training", "approved_by": "ada"}
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["kind"])
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"approved_by": "ada"}


def test_packages_are_listed_the_latest_first_however_quickly_they_follow_one_another(lab: Lab) -> None:
    sagemaker, group = lab.cloud.client("sagemaker"), lab.cloud.environment.model_package_group
    arns = [package(lab, ModelApprovalStatus="Approved") for _ in range(3)]
    package(lab)
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=3,
    )["ModelPackageSummaryList"]
    assert [found["ModelPackageArn"] for found in listed] == arns[::-1]


def test_what_moto_refuses_is_refused_as_before(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match="not found"):
        sagemaker.update_model_package(
            ModelPackageArn="arn:aws:sagemaker:us-east-1:123456789012:model-package/none/1",
            ModelApprovalStatus="Approved",
        )
    with pytest.raises(sagemaker.exceptions.ClientError, match="does not exist"):
        sagemaker.create_model_package(ModelPackageGroupName="nowhere")
