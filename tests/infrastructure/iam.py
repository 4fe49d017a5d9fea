"""Who may do what: what must hold for every role and every policy, whatever else they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from policies import BOUNDARY, IDENTITY, TRUST, Policy, Statement, policies
from resources import Finding, Resource, of_kind

# Families of actions that may be named as one, and why.
FAMILIES = {
    "kms:GenerateDataKey*": "with and without the plain text; AWS's services ask for either",
    "kms:ReEncrypt*": "from and to, which are one operation",
}

# Actions that may be allowed on any resource, and why.
ON_ANY_RESOURCE = {
    "cloudwatch:DescribeAlarms": "CloudWatch takes no resource for a list",
    "cloudwatch:PutMetricData": "a metric has no ARN; the condition names the namespaces",
    "ecr:GetAuthorizationToken": "it is for a whole registry",
    "kms:DescribeKey": "a key's id is not known before it is made, and this tells nothing that it encrypts",
    "kms:GetKeyPolicy": "the same",
    "kms:GetKeyRotationStatus": "the same",
    "kms:ListAliases": "KMS takes no resource for a list",
    "kms:ListResourceTags": "as for kms:DescribeKey",
    "logs:DescribeLogGroups": "CloudWatch takes no resource for a list",
    "sns:GetSubscriptionAttributes": "SNS takes no resource for a subscription",
    "sns:Unsubscribe": "the same",
    "ssm:DescribeParameters": "SSM takes no resource for a list",
    "xray:PutTelemetryRecords": "X-Ray has no resource to name",
    "xray:PutTraceSegments": "the same",
}

LOOKS_AT_NETWORKS = "ec2:Describe"  # EC2 takes no resource for what only looks

# Resources of which not the project but AWS makes up the name, and why a role may reach all of them.
NAMED_BY_AWS = {
    r":(processing-job|training-job|transform-job|model)/pipelines-\*$": "SageMaker names what a step makes",
    r":hyper-parameter-tuning-job/\*$": "the same, in at most 32 characters",
    r":network-interface/\*$": "the interface of a job's machine; the condition names the subnets",
    r":log-group:/aws/sagemaker/(Processing|Training|Transform)Jobs:\*$": "all jobs of an account log to one group",
}

# Services that may act for any account by the policy of a kind of resource, and why.
OF_ANY_ACCOUNT = {
    (
        "aws_kms_key",
        "events.amazonaws.com",
    ): "it does not say for whom it fills an encrypted dead-letter queue",
}

# What tells for whom a service, or anybody, comes.
ORIGINS = (
    "aws:PrincipalAccount",
    "aws:SourceAccount",
    "aws:SourceArn",
    "kms:EncryptionContext:aws:logs:arn",
)

# Keys and networks have no names: by its tag a statement says whose they are.
PROJECT_TAGS = ("aws:RequestTag/project", "aws:ResourceTag/project")

CI_THAT_READS = "-ci-plan"  # how the name of the role ends that any branch may take


@dataclass(frozen=True)
class World:
    """What the policies of a root are held against.

    Attributes:
        made: all its resources.
        stem: project and environment, with which the names of all its resources begin.
    """

    made: Sequence[Resource]
    stem: str

    @property
    def project(self) -> str:
        """Without the environment, which is one word."""
        return self.stem.rpartition("-")[0]

    @property
    def path(self) -> str:
        """Under which its parameters are."""
        return f"parameter/mlops/{self.project}/{self.stem.rpartition('-')[2]}/"

    @cached_property
    def arns(self) -> set[str]:
        """The ARNs of its resources."""
        return {resource["arn"] for resource in self.made if resource["arn"]}


def findings(made: Sequence[Resource], stem: str) -> list[Finding]:
    """Everything about roles and policies that should not be.

    Args:
        made: the resources of a root.
        stem: project and environment, with which the names of all of them begin.
    """
    world = World(made, stem)
    about_statements = [
        Finding(rule, policy.resource.address, detail)
        for policy in policies(made)
        for statement in policy.allowing
        for rule, check in RULES.items()
        for detail in check(world, policy, statement)
    ]
    return [*about_statements, *_without_boundary(made)]


def _wildcard_action(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    """Each action is named, so that a new one of AWS's is not allowed by accident. A boundary allows nothing itself."""
    if policy.sort == BOUNDARY or _leaves_it_to_the_account(policy, statement):
        return
    if statement.inverted:
        yield "allows all but what it names"
    yield from (action for action in statement.actions if "*" in action and action not in FAMILIES)


def _wildcard_resource(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    """A role reaches what its project has in this environment, and nothing else that lies in the account."""
    if policy.sort != IDENTITY or any(statement.condition(tag) == [world.project] for tag in PROJECT_TAGS):
        return
    for resource in statement.resources:
        if "*" in _name(resource) and not (_of_the_project(resource, world) or _named_by_aws(resource)):
            yield from (f"{action} on {resource}" for action in statement.actions if not _takes_no_resource(action))


def _public_principal(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    if any(statement.condition(origin) for origin in ORIGINS):
        return
    for kind, names in statement.principals.items():
        if kind in ("*", "AWS"):
            yield from (name for name in names if name == "*" or ":iam::*" in name)


def _trust_without_audience(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    yield from (provider for provider in _federated(policy, statement) if not statement.condition(f"{provider}:aud"))


def _trust_without_subject(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    yield from (provider for provider in _federated(policy, statement) if not statement.condition(f"{provider}:sub"))


def _trust_in_many_subjects(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    """Whoever changes something comes from one branch; who only reads, from any branch of the one project."""
    reads = str(policy.resource["name"]).endswith(CI_THAT_READS)
    for provider in _federated(policy, statement):
        for subject in statement.condition(f"{provider}:sub"):
            project = subject.removeprefix("project_path:").partition(":")[0]
            if "*" in (project if reads else subject):
                yield subject


def _service_of_any_account(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    """A service acts for whoever asked it: only a resource of this account may have done so."""
    if not any(statement.condition(origin) for origin in ORIGINS):
        for service in statement.principals.get("Service", []):
            if (policy.resource.kind, service) not in OF_ANY_ACCOUNT:
                yield service


def _pass_any_role(world: World, policy: Policy, statement: Statement) -> Iterator[str]:
    """Whoever hands a role to a service may do what the role may: it is said which role, and to which service."""
    if policy.sort == IDENTITY and "iam:PassRole" in statement.actions:
        if not statement.condition("iam:PassedToService"):
            yield "to any service"
        yield from (name for name in statement.resources if "*" in name and not _of_the_project(name, world))


def _without_boundary(made: Sequence[Resource]) -> list[Finding]:
    """Where one role carries the boundary all do: a role that CI makes could be mightier than CI otherwise."""
    roles = of_kind(made, "aws_iam_role")
    if not any(role["permissions_boundary"] for role in roles):
        return []
    return [Finding("role without boundary", role.address) for role in roles if not role["permissions_boundary"]]


def _leaves_it_to_the_account(policy: Policy, statement: Statement) -> bool:
    """Whether a key's policy says here that IAM decides, without which nobody could change the key any more."""
    owners = statement.principals.get("AWS", [])
    return policy.resource.kind == "aws_kms_key" and bool(owners) and all(name.endswith(":root") for name in owners)


def _federated(policy: Policy, statement: Statement) -> list[str]:
    """The hosts of the identity providers that a trust policy names."""
    names = statement.principals.get("Federated", []) if policy.sort == TRUST else []
    return [name.partition(":oidc-provider/")[2] for name in names]


def _of_the_project(resource: str, world: World) -> bool:
    """Whether a resource of a policy is one of the project's, or lies in one: an object, a version, an execution."""
    if any(resource.startswith((f"{arn}/", f"{arn}:")) for arn in world.arns):
        return True
    name = _name(resource)
    return name.startswith(world.path) or re.search(rf"(^|[/:]){re.escape(world.stem)}(?![a-z0-9*])", name) is not None


def _takes_no_resource(action: str) -> bool:
    return action in ON_ANY_RESOURCE or action.startswith(LOOKS_AT_NETWORKS)


def _named_by_aws(resource: str) -> bool:
    return any(re.search(pattern, resource) for pattern in NAMED_BY_AWS)


def _name(arn: str) -> str:
    """What follows service, region and account in an ARN."""
    return arn.split(":", 5)[-1]


RULES: dict[str, Callable[[World, Policy, Statement], Iterator[str]]] = {
    "wildcard action": _wildcard_action,
    "wildcard resource": _wildcard_resource,
    "public principal": _public_principal,
    "trust without aud": _trust_without_audience,
    "trust without sub": _trust_without_subject,
    "trust in many subjects": _trust_in_many_subjects,
    "service of any account": _service_of_any_account,
    "pass any role": _pass_any_role,
}
