"""The local cloud emits SageMaker's events on its event bus, and writes them to events.jsonl."""

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
def received(lab: Lab) -> Iterator[Any]:
    """Returns the events since the last call, from a queue that is the target of a rule."""
    sqs, events = lab.cloud.client("sqs"), lab.cloud.client("events")
    queue = sqs.create_queue(QueueName="received")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[dict[str, Any]]:
        lab.cloud.flush()
        bodies = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

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


def test_an_execution_and_each_of_its_steps_emit_events(lab: Lab, received: Any) -> None:
    check = condition("Check", equals(1, 1), then=[lab.job("Good")], otherwise=[fail("Bad", "no")])
    record = lab.run(lab.job("First"), {**check, "DependsOn": ["First"]})
    events = received()
    execution = details(events, EXECUTION)
    assert [event["currentPipelineExecutionStatus"] for event in execution] == ["Executing", "Succeeded"]
    assert execution[1]["previousPipelineExecutionStatus"] == "Executing"
    assert {"pipelineArn", "pipelineExecutionArn", "executionStartTime", "executionEndTime"} <= set(execution[1])
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
    ], "the steps of a branch that is not taken emit no events"
    first = details(events, STEP)[2]
    assert first["stepType"] == "Processing"
    assert first["metadata"]["processingJob"]["arn"].startswith("arn:aws:sagemaker:")
    envelope = events[-1]
    assert envelope["source"] == "aws.sagemaker"
    assert envelope["resources"] == [record["arn"].partition("/execution/")[0], record["arn"]]


def test_the_event_of_a_failed_step_has_its_reason(lab: Lab, received: Any) -> None:
    lab.run(lab.job("Broken", "raise SystemExit('error: no rows')"))
    failed = details(received(), STEP)[-1]
    assert (failed["currentStepStatus"], failed["previousStepStatus"]) == ("Failed", "Executing")
    assert failed["failureReason"] == "AlgorithmError: no rows"


def test_the_event_of_a_cached_step_names_the_earlier_execution(lab: Lab, received: Any) -> None:
    kind = lab.deploy(lab.job("Same", CacheConfig={"Enabled": True}))
    first = lab.cloud.run(kind)
    received()
    lab.cloud.run(kind)
    assert details(received(), STEP)[-1]["cacheHitResult"] == {"sourcePipelineExecutionArn": first.arn}


def test_a_model_package_emits_events_when_it_is_created_and_updated(lab: Lab, received: Any) -> None:
    arn = package(lab, CustomerMetadataProperties={"kind": "training"})
    lab.cloud.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks right"
    )
    created, updated = details(received(), PACKAGE)
    assert (created["ModelPackageArn"], created["ModelApprovalStatus"]) == (arn, "PendingManualApproval")
    assert "UpdatedModelPackageFields" not in created
    assert (updated["ModelApprovalStatus"], updated["ApprovalDescription"]) == ("Approved", "looks right")
    assert updated["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]
    assert updated["CustomerMetadataProperties"] == {"kind": "training"}


def test_events_are_also_in_the_file(lab: Lab, received: Any) -> None:
    lab.run(lab.job("Earlier"))
    received()
    before = len((lab.cloud.work / "events.jsonl").read_text(encoding="utf-8").splitlines())
    lab.run(lab.job("First"))
    events = received()
    lines = (lab.cloud.work / "events.jsonl").read_text(encoding="utf-8").splitlines()[before:]
    written = [json.loads(line) for line in lines]
    assert [event["detail"] for event in written] == [event["detail"] for event in events]
    assert {"version", "id", "detail-type", "source", "account", "time", "region", "resources"} <= set(written[0])


# Model packages are stored as in AWS


def test_a_package_keeps_all_its_fields(lab: Lab) -> None:
    source = {"S3Uri": "s3://bucket/statistics.json", "ContentType": "application/json"}
    fields = {
        "ModelMetrics": {"ModelQuality": {"Statistics": source}},
        "DriftCheckBaselines": {"ModelDataQuality": {"Statistics": source, "Constraints": source}},
        "MetadataProperties": {"CommitId": "abc", "Repository": "repo", "GeneratedBy": "build-7"},
        "CustomerMetadataProperties": {"git_commit": "abc"},
    }
    arn = package(lab, **fields)
    described = lab.cloud.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert {key: described[key] for key in fields} == fields


def test_an_update_changes_only_the_fields_of_the_request(lab: Lab) -> None:
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


def test_packages_are_listed_latest_first_even_if_created_within_a_moment(lab: Lab) -> None:
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
    assert [summary["ModelPackageArn"] for summary in listed] == arns[::-1]


def test_errors_of_moto_are_passed_on(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match="not found"):
        sagemaker.update_model_package(
            ModelPackageArn="arn:aws:sagemaker:us-east-1:123456789012:model-package/none/1",
            ModelApprovalStatus="Approved",
        )
    with pytest.raises(sagemaker.exceptions.ClientError, match="does not exist"):
        sagemaker.create_model_package(ModelPackageGroupName="nowhere")
