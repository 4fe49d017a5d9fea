"""The policy documents among resources, taken apart into statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources import Resource, as_list

TRUST, IDENTITY, BOUNDARY, RESOURCE = "trust", "identity", "boundary", "resource"

# Where each kind of resource holds a document, and what sort of document that is. What a bucket or a topic says
# of its policy is left out where a resource of its own writes it: there it is older than the state.
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
    """One statement of a policy; what may be one thing or a list of them is a list.

    Attributes:
        principals: by kind, for example {"Service": ["lambda.amazonaws.com"]}; {"*": ["*"]} for everybody.
        conditions: the values that each key is compared with, by operator and key.
        inverted: whether it says what it is not about: NotAction, NotResource or NotPrincipal.
    """

    effect: str
    principals: Mapping[str, list[str]]
    actions: list[str]
    resources: list[str]
    conditions: Mapping[tuple[str, str], list[str]]
    inverted: bool

    def condition(self, key: str) -> list[str]:
        """The values that a condition key is compared with, by whatever operator; keys may be spelled in any case."""
        return [
            value for (_, name), values in self.conditions.items() if name.lower() == key.lower() for value in values
        ]


@dataclass(frozen=True)
class Policy:
    """A policy document of a resource, and which sort it is: trust, identity, boundary or resource."""

    resource: Resource
    sort: str
    statements: list[Statement]

    @property
    def allowing(self) -> list[Statement]:
        """The statements that allow something."""
        return [statement for statement in self.statements if statement.effect == "Allow"]


def policies(made: Sequence[Resource]) -> Iterator[Policy]:
    """All policy documents that are known."""
    for resource in made:
        attribute, sort = _PLACES.get(resource.kind, ("", ""))
        if text := attribute and resource[attribute]:
            if resource.kind == "aws_iam_policy" and resource["name"].endswith("-boundary"):
                sort = BOUNDARY
            yield Policy(resource, sort, statements(text))


def statements(text: str) -> list[Statement]:
    """Take a policy document apart."""
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
