"""How things are called: project and environment first, so that neither is ever taken for another's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resources import Finding, Resource, of_kind

# What has a name that an account, or all of AWS, has only once: which attribute holds it, and what stands before it.
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

# An environment is one word of these, but for those that would make one name out of two.
RESERVED_ENVIRONMENTS = ("start", "tfstate")


def suffixes(made: Sequence[Resource], stem: str) -> dict[str, set[str]]:
    """What follows project and environment in the names of each kind; empty where nothing does."""
    found: dict[str, set[str]] = {}
    for kind, name in _names(made):
        if _begins(name, stem):
            found.setdefault(kind, set()).add(name.removeprefix(stem).removeprefix("-"))
    return found


def findings(made: Sequence[Resource], stem: str, shared: Sequence[str] = ()) -> list[Finding]:
    """Names that do not begin with project and environment, but for those that all environments share."""
    return [
        Finding("name of nobody", kind, name)
        for kind, name in _names(made)
        if not _begins(name, stem) and name not in shared
    ]


def name(project: str, environment: str, suffix: str) -> str:
    """The name of a thing."""
    return "-".join(part for part in (project, environment, suffix) if part)


def _names(made: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    for resource in of_kind(made, *NAMED):
        attribute, before = NAMED[resource.kind]
        yield resource.kind, str(resource[attribute]).removeprefix(before).removeprefix("/aws/vpc/")


def _begins(name: str, stem: str) -> bool:
    return name == stem or name.startswith(f"{stem}-")
