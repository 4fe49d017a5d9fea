"""Checks that every role and every policy grants only what is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from policies import BOUNDARY, IDENTITY, TRUST, Policy, Statement, policies
from resources import Finding, Resource, of_kind

# Wildcard actions that are allowed, and why.
FAMILIES = {
    "kms:GenerateDataKey*": "with and without plain text; AWS services request either",
    "kms:ReEncrypt*": "from and to, which belong to one operation",
}

# Actions that may be allowed on every resource, and why.
ON_ANY_RESOURCE = {
    "cloudwatch:DescribeAlarms": "CloudWatch has no resource-level permission for lists",
    "cloudwatch:PutMetricData": "a metric has no ARN; the condition restricts the namespace",
    "ecr:GetAuthorizationToken": "the token is for the registry",
    "kms:DescribeKey": "a key's id is not known before it is created, and this reveals nothing that it encrypts",
    "kms:GetKeyPolicy": "the same",
    "kms:GetKeyRotationStatus": "the same",
    "kms:ListAliases": "KMS has no resource-level permission for lists",
    "kms:ListResourceTags": "as for kms:DescribeKey",
    "logs:DescribeLogGroups": "CloudWatch has no resource-level permission for lists",
    "sns:GetSubscriptionAttributes": "SNS has no resource-level permission for subscriptions",
    "sns:Unsubscribe": "the same",
    "ssm:DescribeParameters": "SSM has no resource-level permission for lists",
    "xray:PutTelemetryRecords": "X-Ray has no resource-level permissions",
    "xray:PutTraceSegments": "the same",
}

NETWORK_READS = "ec2:Describe"  # EC2 has no resource-level permissions for Describe actions

# Resources whose names AWS generates, and why a role may access all of them.
GENERATED_NAMES = {
    r":(processing-job|training-job|transform-job|model)/pipelines-\*$": "SageMaker names what a step creates",
    r":hyper-parameter-tuning-job/\*$": "the same, in at most 32 characters",
    r":network-interface/\*$": "the interface of a job's instance; the condition restricts the subnets",
    r":log-group:/aws/sagemaker/(Processing|Training|Transform)Jobs:\*$": "all jobs of an account log to one group",
}

# Services without a source account in the policy of a kind of resource, and why.
OF_ANY_ACCOUNT = {
    (
        "aws_kms_key",
        "events.amazonaws.com",
    ): "it sends no source account when it writes to an encrypted dead-letter queue",
}

# Condition keys that identify the account or resource on whose behalf a principal acts.
ORIGINS = (
    "aws:PrincipalAccount",
    "aws:SourceAccount",
    "aws:SourceArn",
    "kms:EncryptionContext:aws:logs:arn",
)

# Keys and networks have no names, so statements identify them by their tag.
PROJECT_TAGS = ("aws:RequestTag/project", "aws:ResourceTag/project")

PLAN_ROLE_SUFFIX = "-ci-plan"  # the role that jobs on any branch may assume


@dataclass(frozen=True)
class Scope:
    """The project and environment that policies must be limited to.

    Attributes:
        made: all its resources.
        name_prefix: project and environment, the prefix of all names.
    """

    made: Sequence[Resource]
    name_prefix: str

    @property
    def project(self) -> str:
        """The name prefix without the environment, which is one word."""
        return self.name_prefix.rpartition("-")[0]

    @property
    def path(self) -> str:
        """The path of its SSM parameters."""
        return f"parameter/mlops/{self.project}/{self.name_prefix.rpartition('-')[2]}/"

    @cached_property
    def arns(self) -> set[str]:
        """The ARNs of its resources."""
        return {resource["arn"] for resource in self.made if resource["arn"]}


def findings(made: Sequence[Resource], name_prefix: str) -> list[Finding]:
    """Roles and policies that grant too much.

    Args:
        made: the resources of a root.
        name_prefix: project and environment, the prefix of all names.
    """
    scope = Scope(made, name_prefix)
    about_statements = [
        Finding(rule, policy.resource.address, detail)
        for policy in policies(made)
        for statement in policy.allowing
        for rule, check in RULES.items()
        for detail in check(scope, policy, statement)
    ]
    return [*about_statements, *_without_boundary(made)]


def _wildcard_action(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    """Wildcards would allow future actions of AWS by accident. A boundary itself grants nothing."""
    if policy.sort == BOUNDARY or _delegates_to_iam(policy, statement):
        return
    if statement.inverted:
        yield "allows everything except what it lists"
    yield from (action for action in statement.actions if "*" in action and action not in FAMILIES)


def _wildcard_resource(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    """A role has access to its project's resources in this environment only."""
    if policy.sort != IDENTITY or any(statement.condition(tag) == [scope.project] for tag in PROJECT_TAGS):
        return
    for resource in statement.resources:
        if "*" in _name(resource) and not (_of_the_project(resource, scope) or _has_generated_name(resource)):
            yield from (
                f"{action} on {resource}" for action in statement.actions if not _has_no_resource_permission(action)
            )


def _public_principal(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    if any(statement.condition(origin) for origin in ORIGINS):
        return
    for kind, names in statement.principals.items():
        if kind in ("*", "AWS"):
            yield from (name for name in names if name == "*" or ":iam::*" in name)


def _trust_without_audience(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    yield from (provider for provider in _federated(policy, statement) if not statement.condition(f"{provider}:aud"))


def _trust_without_subject(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    yield from (provider for provider in _federated(policy, statement) if not statement.condition(f"{provider}:sub"))


def _trust_in_many_subjects(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    """A role with write access trusts one branch; the plan role trusts all branches of one project."""
    reads = str(policy.resource["name"]).endswith(PLAN_ROLE_SUFFIX)
    for provider in _federated(policy, statement):
        for subject in statement.condition(f"{provider}:sub"):
            project = subject.removeprefix("project_path:").partition(":")[0]
            if "*" in (project if reads else subject):
                yield subject


def _service_of_any_account(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    """A service may act only on behalf of this account."""
    if not any(statement.condition(origin) for origin in ORIGINS):
        for service in statement.principals.get("Service", []):
            if (policy.resource.kind, service) not in OF_ANY_ACCOUNT:
                yield service


def _pass_any_role(scope: Scope, policy: Policy, statement: Statement) -> Iterator[str]:
    """Passing a role grants its permissions, so the role and the service must be restricted."""
    if policy.sort == IDENTITY and "iam:PassRole" in statement.actions:
        if not statement.condition("iam:PassedToService"):
            yield "to any service"
        yield from (name for name in statement.resources if "*" in name and not _of_the_project(name, scope))


def _without_boundary(made: Sequence[Resource]) -> list[Finding]:
    """If one role has the boundary, all must: otherwise CI could create a role with more permissions than its own."""
    roles = of_kind(made, "aws_iam_role")
    if not any(role["permissions_boundary"] for role in roles):
        return []
    return [Finding("role without boundary", role.address) for role in roles if not role["permissions_boundary"]]


def _delegates_to_iam(policy: Policy, statement: Statement) -> bool:
    """Whether a key's policy delegates to IAM, without which the key could no longer be managed."""
    owners = statement.principals.get("AWS", [])
    return policy.resource.kind == "aws_kms_key" and bool(owners) and all(name.endswith(":root") for name in owners)


def _federated(policy: Policy, statement: Statement) -> list[str]:
    """The hosts of the identity providers in a trust policy."""
    names = statement.principals.get("Federated", []) if policy.sort == TRUST else []
    return [name.partition(":oidc-provider/")[2] for name in names]


def _of_the_project(resource: str, scope: Scope) -> bool:
    """Whether a resource belongs to the project, or to a resource of it: an object, a version, an execution."""
    if any(resource.startswith((f"{arn}/", f"{arn}:")) for arn in scope.arns):
        return True
    name = _name(resource)
    return (
        name.startswith(scope.path)
        or re.search(rf"(^|[/:]){re.escape(scope.name_prefix)}(?![a-z0-9*])", name) is not None
    )


def _has_no_resource_permission(action: str) -> bool:
    return action in ON_ANY_RESOURCE or action.startswith(NETWORK_READS)


def _has_generated_name(resource: str) -> bool:
    return any(re.search(pattern, resource) for pattern in GENERATED_NAMES)


def _name(arn: str) -> str:
    """The part of an ARN after service, region and account."""
    return arn.split(":", 5)[-1]


RULES: dict[str, Callable[[Scope, Policy, Statement], Iterator[str]]] = {
    "wildcard action": _wildcard_action,
    "wildcard resource": _wildcard_resource,
    "public principal": _public_principal,
    "trust without aud": _trust_without_audience,
    "trust without sub": _trust_without_subject,
    "trust in many subjects": _trust_in_many_subjects,
    "service of any account": _service_of_any_account,
    "pass any role": _pass_any_role,
}
