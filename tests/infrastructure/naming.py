"""Names begin with project and environment, so that those of two projects never coincide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resources import Finding, Resource, of_kind

# Resources whose names are unique in an account or in AWS: the attribute with the name, and a fixed prefix.
NAMED = {
    "aws_budgets_budget": ("name", ""),
    "aws_cloudwatch_dashboard": ("dashboard_name", ""),
    "aws_cloudwatch_event_rule": ("name", ""),
    "aws_cloudwatch_log_group": ("name", "/aws/lambda/"),
    "aws_cloudwatch_metric_alarm": ("alarm_name", ""),
    "aws_dynamodb_table": ("name", ""),
    "aws_iam_policy": ("name", ""),
    "aws_iam_role": ("name", ""),
    "aws_kms_alias": ("name", "alias/"),
    "aws_lambda_function": ("function_name", ""),
    "aws_s3_bucket": ("bucket", ""),
    "aws_sagemaker_model_package_group": ("model_package_group_name", ""),
    "aws_scheduler_schedule_group": ("name", ""),
    "aws_sns_topic": ("name", ""),
    "aws_sqs_queue": ("name", ""),
}

# Words that an environment must not be, because two names could coincide.
RESERVED_ENVIRONMENTS = ("start", "tfstate")


def suffixes(made: Sequence[Resource], name_prefix: str) -> dict[str, set[str]]:
    """The suffixes after project and environment in the names of each kind; empty if there is none."""
    found: dict[str, set[str]] = {}
    for kind, name in _names(made):
        if _begins(name, name_prefix):
            found.setdefault(kind, set()).add(name.removeprefix(name_prefix).removeprefix("-"))
    return found


def findings(made: Sequence[Resource], name_prefix: str, shared: Sequence[str] = ()) -> list[Finding]:
    """Names that do not begin with project and environment, except those shared by all environments."""
    return [
        Finding("foreign name", kind, name)
        for kind, name in _names(made)
        if not _begins(name, name_prefix) and name not in shared
    ]


def name(project: str, environment: str, suffix: str) -> str:
    """The name of a resource."""
    return "-".join(part for part in (project, environment, suffix) if part)


def _names(made: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    for resource in of_kind(made, *NAMED):
        attribute, before = NAMED[resource.kind]
        yield resource.kind, str(resource[attribute]).removeprefix(before).removeprefix("/aws/vpc/")


def _begins(name: str, name_prefix: str) -> bool:
    return name == name_prefix or name.startswith(f"{name_prefix}-")
