"""Local clouds in processes of their own, as a test sees them."""

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

# How to list what there is of each kind: where the answer has it, and what each is called; None where that is all.
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

PROGRAM = Path(__file__).with_name("cloud_program.py")


@dataclass(frozen=True)
class Cloud:
    """An account on this machine, empty at first.

    Attributes:
        url: where AWS's API answers.
        region: of the project.
    """

    url: str
    region: str
    _orders: IO[str]
    _answers: IO[str]

    def call(self, name: str, *arguments: Any) -> Any:
        """Have the cloud's process call one of LocalCloud's methods, and return what it returns.

        Raises:
            AssertionError: the method raised; the message says what.
        """
        print(json.dumps({"call": name, "arguments": arguments}), file=self._orders, flush=True)
        answer = json.loads(self._answers.readline())
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

    def holdings(self) -> dict[str, list[str]]:
        """All there is in the account of the kinds that the infrastructure or the pipelines make."""
        listed = {f"{service} {operation}": self._list(service, operation) for service, operation in LISTS}
        endpoints = self.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        there = sorted(found["VpcEndpointId"] for found in endpoints if found["State"] != "deleted")
        return {**listed, "endpoints": there, "keys": self._keys(), "budgets": self._budgets()}

    def _list(self, service: str, operation: str) -> list[str]:
        key, name = LISTS[service, operation]
        found = getattr(self.client(service), operation)(**ARGUMENTS.get(operation, {})).get(key, [])
        return sorted(thing[name] if name else thing for thing in found)

    def _keys(self) -> list[str]:
        """Without AWS's own, which are described as default keys, and without those that are being deleted."""
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
    """Start the cloud of a project, and stop it in the end.

    Args:
        project: that was generated.
        log: takes what the process says.
        region: of the project.
    """
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
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
