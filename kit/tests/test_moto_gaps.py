"""Operations and settings that moto lacks or drops, and that Terraform or the pipelines need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline_harness import Lab, open_lab

ACCOUNT = "123456789012"
PLAIN = {"code.py": "def main(event, context):\n    pass\n"}
BUDGET = {
    "BudgetName": "b",
    "BudgetType": "COST",
    "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "10", "Unit": "USD"},
}
NOTIFICATION = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
SUBSCRIBER = {"SubscriptionType": "EMAIL", "Address": "ada@example.com"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def group(lab: Lab, name: str) -> str:
    lab.cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


def package(lab: Lab, name: str) -> str:
    answer = lab.cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification={
            "Containers": [{"Image": "image"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(answer["ModelPackageArn"])


# Model package groups


def test_a_group_has_a_policy_until_it_is_deleted(lab: Lab) -> None:
    sagemaker, name = lab.cloud.client("sagemaker"), group(lab, "policy")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=name, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=name)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=name)
    with pytest.raises(ClientError, match="Cannot find Model Package Group Policy"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName=name)


def test_an_unknown_group_cannot_have_a_policy(lab: Lab) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        lab.cloud.client("sagemaker").put_model_package_group_policy(
            ModelPackageGroupName="nowhere", ResourcePolicy="{}"
        )


def test_a_group_can_be_deleted_once_its_packages_are_deleted(lab: Lab) -> None:
    sagemaker, name = lab.cloud.client("sagemaker"), group(lab, "leaving")
    arn = package(lab, name)
    with pytest.raises(ClientError, match="still contains"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    sagemaker.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError):
        sagemaker.describe_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)


# Budgets


@pytest.fixture
def budgets(lab: Lab) -> Iterator[Any]:
    client = lab.cloud.client("budgets")
    client.create_budget(
        AccountId=ACCOUNT,
        Budget=BUDGET,
        NotificationsWithSubscribers=[{"Notification": NOTIFICATION, "Subscribers": [SUBSCRIBER]}],
        ResourceTags=[{"Key": "project", "Value": "lab"}],
    )
    yield client
    client.delete_budget(AccountId=ACCOUNT, BudgetName="b")


def test_a_budget_has_subscribers(budgets: Any) -> None:
    answer = budgets.describe_subscribers_for_notification(AccountId=ACCOUNT, BudgetName="b", Notification=NOTIFICATION)
    assert answer["Subscribers"] == [SUBSCRIBER]
    with pytest.raises(ClientError, match="no such notification"):
        budgets.describe_subscribers_for_notification(
            AccountId=ACCOUNT, BudgetName="b", Notification={**NOTIFICATION, "Threshold": 90.0}
        )


def test_a_budget_has_tags(budgets: Any) -> None:
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/b"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "environment", "Value": "local"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["project"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "environment", "Value": "local"}]


def test_a_budget_can_be_updated(budgets: Any) -> None:
    larger = {**BUDGET, "BudgetLimit": {"Amount": "20", "Unit": "USD"}}
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=larger)
    assert budgets.describe_budget(AccountId=ACCOUNT, BudgetName="b")["Budget"]["BudgetLimit"]["Amount"] == "20"
    with pytest.raises(ClientError, match="doesn't exist"):
        budgets.update_budget(AccountId=ACCOUNT, NewBudget={**larger, "BudgetName": "c"})


# Functions


def test_a_function_keeps_its_dead_letter_queue_and_log_settings(lab: Lab) -> None:
    functions = lab.cloud.client("lambda")
    dead = {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
    logging = {"LogFormat": "JSON", "LogGroup": "/aws/lambda/kept"}
    lab.register("kept", PLAIN, DeadLetterConfig=dead, LoggingConfig=logging)
    configuration = functions.get_function_configuration(FunctionName="kept")
    assert (configuration["DeadLetterConfig"], configuration["LoggingConfig"]) == (dead, logging)
    other = {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:other"}
    functions.update_function_configuration(FunctionName="kept", DeadLetterConfig=other)
    assert functions.get_function_configuration(FunctionName="kept")["DeadLetterConfig"] == other


def test_the_latest_configuration_of_asynchronous_invocation_applies(lab: Lab) -> None:
    functions = lab.cloud.client("lambda")
    lab.register("configured", PLAIN)
    for retries in (0, 1):
        functions.put_function_event_invoke_config(FunctionName="configured", MaximumRetryAttempts=retries)
    assert functions.get_function_event_invoke_config(FunctionName="configured")["MaximumRetryAttempts"] == 1


# Buckets


def test_a_bucket_returns_its_event_bridge_setting(lab: Lab) -> None:
    s3 = lab.cloud.client("s3")
    s3.create_bucket(Bucket="notifying")
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket="notifying")
    s3.put_bucket_notification_configuration(
        Bucket="notifying", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert s3.get_bucket_notification_configuration(Bucket="notifying")["EventBridgeConfiguration"] == {}


def test_a_conditional_denial_has_no_effect(lab: Lab) -> None:
    s3 = lab.cloud.client("s3")
    s3.create_bucket(Bucket="tls-only")
    denial = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")
    del denial["Condition"]
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="tls-only", Key="a", Body=b"1")
