"""Two projects or environments in an account never share a name."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some

import naming
from policies import IDENTITY, policies
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

WORDS = ["shop", "dev", "prod", "start", "pipeline", "training", "hpo", "ci", "logs", "boundary", "events", "a1"]
PIPELINES = {"training", "training-hpo", "inference"}

projects = some.lists(some.sampled_from(WORDS), min_size=1, max_size=4).map("-".join)
environments = some.sampled_from([word for word in WORDS if word not in naming.RESERVED_ENVIRONMENTS])
name_prefixes = some.tuples(projects, environments)


@pytest.fixture
def suffixes(neighbour: Stack, bootstrap: Stack, shop: Stack) -> dict[str, set[str]]:
    """The suffixes after project and environment in the names of each kind of resource, in all root modules."""
    every: dict[str, set[str]] = {"pipelines": PIPELINES}
    for stack in (neighbour, bootstrap, shop):
        for kind, found in naming.suffixes(stack.made, stack.place.name_prefix).items():
            every.setdefault(kind, set()).update(found)
    return every


@given(one=name_prefixes, other=name_prefixes)
@example(one=("shop", "dev"), other=("shop-dev", "prod"))
@example(one=("shop-dev", "dev"), other=("shop", "dev"))
def test_two_environments_share_no_name(
    suffixes: dict[str, set[str]], one: tuple[str, str], other: tuple[str, str]
) -> None:
    assume(one != other)
    for kind, found in suffixes.items():
        first, second = ({naming.name(*name_prefix, suffix) for suffix in found} for name_prefix in (one, other))
        assert not first & second, kind


def test_reserved_words_would_make_names_coincide(suffixes: dict[str, set[str]]) -> None:
    assert naming.name("shop", "dev", "start-pipeline") == naming.name("shop-dev", "start", "pipeline")
    assert {"start-pipeline", "pipeline"} <= suffixes["aws_iam_role"]


def test_two_projects_in_one_account_share_no_resource(shop: Stack, neighbour: Stack) -> None:
    one, other = ({resource["arn"] for resource in stack.made if resource["arn"]} for stack in (shop, neighbour))
    assert len(one) > 50
    assert not one & other


def test_no_role_of_a_project_has_access_to_another_project(shop: Stack, neighbour: Stack) -> None:
    for stack, other in ((shop, neighbour), (neighbour, shop)):
        theirs = {resource["arn"] for resource in other.made if resource["arn"]}
        for policy in policies(stack.made):
            for statement in policy.allowing if policy.sort == IDENTITY else []:
                for pattern in set(statement.resources) - {"*"}:
                    assert not fnmatch.filter(theirs, pattern), f"{policy.resource.address}: {pattern}"


def test_every_name_begins_with_project_and_environment(stack: Stack) -> None:
    shared = [f"{stack.place.project}-tfstate-{stack.place.account}"]
    assert naming.findings(stack.made, stack.place.name_prefix, shared) == []
