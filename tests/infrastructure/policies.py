"""Parses the policy documents of resources into statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources import Resource, as_list

TRUST, IDENTITY, BOUNDARY, RESOURCE = "trust", "identity", "boundary", "resource"

# The attribute with the policy document of each kind of resource, and its sort. Buckets and topics are not listed,
# because their policies are in separate resources, and the attribute in the state may be outdated.
_PLACES = {
    "aws_iam_role": ("assume_role_policy", TRUST),
    "aws_iam_role_policy": ("policy", IDENTITY),
    "aws_iam_policy": ("policy", IDENTITY),
    "aws_kms_key": ("policy", RESOURCE),
    "aws_s3_bucket_policy": ("policy", RESOURCE),
    "aws_sns_topic_policy": ("policy", RESOURCE),
    "aws_sqs_queue_policy": ("policy", RESOURCE),
    "aws_sqs_queue": ("policy", RESOURCE),
    "aws_vpc_endpoint": ("policy", RESOURCE),
    "aws_cloudwatch_log_resource_policy": ("policy_document", RESOURCE),
    "aws_sagemaker_model_package_group_policy": ("resource_policy", RESOURCE),
}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; single values are converted to lists.

    Attributes:
        principals: by kind, for example {"Service": ["lambda.amazonaws.com"]}; {"*": ["*"]} for everybody.
        conditions: the values that each key is compared with, by operator and key.
        inverted: whether it has NotAction, NotResource or NotPrincipal.
    """

    effect: str
    principals: Mapping[str, list[str]]
    actions: list[str]
    resources: list[str]
    conditions: Mapping[tuple[str, str], list[str]]
    inverted: bool

    def condition(self, key: str) -> list[str]:
        """The values that a condition key is compared with by any operator; keys are case-insensitive."""
        return [
            value for (_, name), values in self.conditions.items() if name.lower() == key.lower() for value in values
        ]


@dataclass(frozen=True)
class Policy:
    """A policy document of a resource, and its sort: trust, identity, boundary or resource."""

    resource: Resource
    sort: str
    statements: list[Statement]

    @property
    def allowing(self) -> list[Statement]:
        """The statements with the effect Allow."""
        return [statement for statement in self.statements if statement.effect == "Allow"]


def policies(made: Sequence[Resource]) -> Iterator[Policy]:
    """All policy documents that are known before apply."""
    for resource in made:
        attribute, sort = _PLACES.get(resource.kind, ("", ""))
        if text := attribute and resource[attribute]:
            if resource.kind == "aws_iam_policy" and resource["name"].endswith("-boundary"):
                sort = BOUNDARY
            yield Policy(resource, sort, statements(text))


def statements(text: str) -> list[Statement]:
    """Parse a policy document."""
    return [_statement(found) for found in as_list(json.loads(text)["Statement"])]


def _statement(found: Mapping[str, Any]) -> Statement:
    principals = found.get("Principal", found.get("NotPrincipal", {}))
    by_kind = principals if isinstance(principals, dict) else {"*": principals}
    return Statement(
        effect=found["Effect"],
        principals={kind: as_list(names) for kind, names in by_kind.items()},
        actions=as_list(found.get("Action", found.get("NotAction"))),
        resources=as_list(found.get("Resource", found.get("NotResource"))),
        conditions={
            (operator, key): as_list(values)
            for operator, compared in found.get("Condition", {}).items()
            for key, values in compared.items()
        },
        inverted=any(name in found for name in ("NotAction", "NotResource", "NotPrincipal")),
    )
