"""Local clouds in separate processes, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

# How to list each kind of resource: the key of the list in the answer, and the name of an item; None if it is a string.
LISTS: dict[tuple[str, str], tuple[str, str | None]] = {
    ("cloudwatch", "describe_alarms"): ("MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards"): ("DashboardEntries", "DashboardName"),
    ("dynamodb", "list_tables"): ("TableNames", None),
    ("ec2", "describe_flow_logs"): ("FlowLogs", "FlowLogId"),
    ("ec2", "describe_network_interfaces"): ("NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_security_groups"): ("SecurityGroups", "GroupId"),
    ("ec2", "describe_subnets"): ("Subnets", "SubnetId"),
    ("ec2", "describe_vpcs"): ("Vpcs", "VpcId"),
    ("events", "list_rules"): ("Rules", "Name"),
    ("iam", "list_open_id_connect_providers"): ("OpenIDConnectProviderList", "Arn"),
    ("iam", "list_policies"): ("Policies", "Arn"),
    ("iam", "list_roles"): ("Roles", "RoleName"),
    ("kms", "list_aliases"): ("Aliases", "AliasName"),
    ("lambda", "list_functions"): ("Functions", "FunctionName"),
    ("logs", "describe_log_groups"): ("logGroups", "logGroupName"),
    ("s3", "list_buckets"): ("Buckets", "Name"),
    ("sagemaker", "list_model_package_groups"): ("ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    ("sagemaker", "list_pipelines"): ("PipelineSummaries", "PipelineName"),
    ("scheduler", "list_schedule_groups"): ("ScheduleGroups", "Name"),
    ("scheduler", "list_schedules"): ("Schedules", "Name"),
    ("sns", "list_subscriptions"): ("Subscriptions", "SubscriptionArn"),
    ("sns", "list_topics"): ("Topics", "TopicArn"),
    ("sqs", "list_queues"): ("QueueUrls", None),
    ("ssm", "describe_parameters"): ("Parameters", "Name"),
}
ARGUMENTS = {"list_policies": {"Scope": "Local"}}

PROGRAM = Path(__file__).with_name("cloud_server.py")


@dataclass(frozen=True)
class Cloud:
    """An AWS account on this machine, initially empty.

    Attributes:
        url: the endpoint of AWS's API.
        region: of the project.
    """

    url: str
    region: str
    _requests: IO[str]
    _responses: IO[str]

    def call(self, name: str, *arguments: Any) -> Any:
        """Call one of LocalCloud's methods in the cloud's process, and return the result.

        Raises:
            AssertionError: the method raised an exception, which is in the message.
        """
        print(json.dumps({"call": name, "arguments": arguments}), file=self._requests, flush=True)
        answer = json.loads(self._responses.readline())
        assert "raised" not in answer, answer["raised"]
        return answer["returned"]

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def contents(self) -> dict[str, list[str]]:
        """All resources in the account that the infrastructure or the pipelines can create."""
        listed = {f"{service} {operation}": self._list(service, operation) for service, operation in LISTS}
        endpoints = self.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        existing = sorted(found["VpcEndpointId"] for found in endpoints if found["State"] != "deleted")
        return {**listed, "endpoints": existing, "keys": self._keys(), "budgets": self._budgets()}

    def _list(self, service: str, operation: str) -> list[str]:
        key, name = LISTS[service, operation]
        found = getattr(self.client(service), operation)(**ARGUMENTS.get(operation, {})).get(key, [])
        return sorted(thing[name] if name else thing for thing in found)

    def _keys(self) -> list[str]:
        """The keys, except those of AWS, which have a default description, and those pending deletion."""
        kms = self.client("kms")
        keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        made = [key for key in keys if not key["Description"].startswith("Default")]
        return sorted(key["KeyId"] for key in made if key["KeyState"] != "PendingDeletion")

    def _budgets(self) -> list[str]:
        account = self.client("sts").get_caller_identity()["Account"]
        found = self.client("budgets").describe_budgets(AccountId=account).get("Budgets", [])
        return sorted(budget["BudgetName"] for budget in found)


@contextmanager
def cloud_of(project: Path, log: Path, region: str = "eu-west-1") -> Iterator[Cloud]:
    """Start the cloud of a project, and stop it at the end.

    Args:
        project: the generated project.
        log: the file for the output of the process.
        region: of the project.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            cwd=project,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url, log.read_text()
            yield Cloud(url, region, process.stdin, process.stdout)
        finally:
            process.communicate()
