"""The sizes of documents at the longest names, compared with what AWS takes.

Names are only a prefix of what a document holds, so a document of a short name is measured with the longest one in its
place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from resources import Finding, Resource, of_kind

LONGEST_PREFIX = "x" * 28 + "-" + "y" * 12  # <project>-<environment>: infra/modules/names takes no longer one
LONGEST_BUCKET = "b" * 58  # <bucket>-logs exists, too
LONGEST_GROUP = "g" * 63
LONGEST_REGION = "ap-southeast-9"
LONGEST_PARTITION = "aws-us-gov"

MANAGED, INLINE, TRUST = 6144, 10240, 2048  # characters without white space
TEXTS = {  # an attribute with a text: its maximal size in bytes
    ("aws_cloudwatch_event_rule", "event_pattern"): 2048,
    ("aws_cloudwatch_event_rule", "description"): 512,
    ("aws_cloudwatch_dashboard", "dashboard_body"): 1024 * 1024,
    ("aws_cloudwatch_metric_alarm", "alarm_description"): 1024,
    ("aws_iam_policy", "policy"): MANAGED,
    ("aws_iam_role", "assume_role_policy"): TRUST,
    ("aws_iam_role", "description"): 1000,
    ("aws_kms_key", "policy"): 32 * 1024,
    ("aws_lambda_function", "description"): 256,
    ("aws_s3_bucket_policy", "policy"): 20 * 1024,
    ("aws_sagemaker_model_package_group", "model_package_group_description"): 1024,
    ("aws_sagemaker_model_package_group_policy", "resource_policy"): 20480,
    ("aws_sns_topic", "policy"): 30 * 1024,
    ("aws_sqs_queue", "policy"): 8192,
    ("aws_ssm_parameter", "value"): 4096,
    ("aws_vpc_endpoint", "policy"): 20480,
}
NAMES = {  # the attribute with the name of a resource: its maximal length
    ("aws_budgets_budget", "name"): 100,
    ("aws_cloudwatch_dashboard", "dashboard_name"): 255,
    ("aws_cloudwatch_event_rule", "name"): 64,
    ("aws_cloudwatch_log_group", "name"): 512,
    ("aws_cloudwatch_metric_alarm", "alarm_name"): 255,
    ("aws_dynamodb_table", "name"): 255,
    ("aws_iam_policy", "name"): 128,
    ("aws_iam_role", "name"): 64,
    ("aws_kms_alias", "name"): 256,
    ("aws_lambda_function", "function_name"): 64,
    ("aws_lambda_permission", "statement_id"): 100,
    ("aws_s3_bucket", "bucket"): 63,
    ("aws_sagemaker_model_package_group", "model_package_group_name"): 63,
    ("aws_scheduler_schedule", "name"): 64,
    ("aws_scheduler_schedule_group", "name"): 64,
    ("aws_security_group", "name"): 255,
    ("aws_sns_topic", "name"): 256,
    ("aws_sqs_queue", "name"): 80,
    ("aws_ssm_parameter", "name"): 1011,
}
MAX_ENVIRONMENT = 4096  # bytes of a function's variables as JSON


def findings(made: Sequence[Resource], name_prefix: str, account: str, region: str) -> list[Finding]:
    """What would be too large for AWS at the longest names."""
    return [
        Finding("too large", address, f"{what}: {size} of {maximum}")
        for address, what, size, maximum in measured(made, name_prefix, account, region)
        if size > maximum
    ]


def measured(
    made: Sequence[Resource], name_prefix: str, account: str, region: str
) -> Iterator[tuple[str, str, int, int]]:
    """The resource, the attribute, its size at the longest names, and its maximum, of each limited attribute."""

    def longest(text: str) -> str:
        text = text.replace(f"{name_prefix}-{account}", LONGEST_BUCKET)
        text = re.sub(rf"(model-package(-group)?/){name_prefix}\b", rf"\g<1>{LONGEST_GROUP}", text)
        return (
            text.replace(name_prefix, LONGEST_PREFIX)
            .replace(region, LONGEST_REGION)
            .replace("arn:aws:", f"arn:{LONGEST_PARTITION}:")
        )

    for resource in made:
        for (kind, attribute), maximum in (TEXTS | NAMES).items():
            if kind == resource.kind and (text := resource[attribute]):
                yield resource.address, attribute, len(_counted(kind, longest(text)).encode()), maximum
        if resource.kind == "aws_lambda_function" and (variables := resource.block("environment").get("variables")):
            size = len(longest(json.dumps(variables, separators=(",", ":"))).encode())
            yield resource.address, "environment", size, MAX_ENVIRONMENT
    for role, documents in _inline_policies(made).items():
        size = sum(len(_counted("aws_iam_role_policy", longest(document))) for document in documents)
        yield role, "inline policies", size, INLINE


def _inline_policies(made: Sequence[Resource]) -> dict[str, list[str]]:
    """The inline policies of each role, by its name."""
    found: dict[str, list[str]] = {}
    for policy in of_kind(made, "aws_iam_role_policy"):
        found.setdefault(policy["role"], []).append(policy["policy"])
    return found


def _counted(kind: str, text: Any) -> str:
    """What counts of a text: IAM ignores white space."""
    return re.sub(r"\s", "", text) if kind.startswith("aws_iam") and text.startswith("{") else str(text)
