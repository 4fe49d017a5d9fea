"""The rules detect seeded defects in the files of an applied stack, by planning them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import data_protection
import iam
import integration_contracts
import naming
import sample_events
from defects import DEFECTS
from resources import Finding, Resource, resources
from stacks import PendingStacks, Stack
from terraform import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

FACTS = ("bucket", "kms_key_arn", "role_arn", "model_package_group", "subnets", "security_groups")


@pytest.fixture(scope="module")
def found(pending: PendingStacks, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Future[list[Finding]]]:
    """The findings in each stack with all its defects."""
    folder = tmp_path_factory.mktemp("defects")

    def find(name: str) -> list[Finding]:
        stack: Stack = pending[name].result()
        return findings(stack, planned(stack, folder / name))

    with ThreadPoolExecutor() as at_once:
        return {name: at_once.submit(find, name) for name in DEFECTS}


def planned(stack: Stack, folder: Path) -> list[Resource]:
    """The planned resources of a stack with all its defects; nothing is applied."""
    root = stack.terraform.folder
    infra = shutil.copytree(root.parent, folder / "infra", symlinks=True)
    for part in ("config", "lambdas"):
        (folder / part).symlink_to(root.parents[1] / part)
    for defect in DEFECTS[folder.name].values():
        defect.seed(infra)
    terraform = Terraform(infra / root.name, stack.cloud.url)
    made: list[Resource] = resources(terraform.planned("-refresh=false", *stack.arguments))
    return made


def findings(stack: Stack, made: list[Resource]) -> list[Finding]:
    """All findings of the rules in a stack."""
    name_prefix, place = stack.place.name_prefix, stack.place
    found = [*iam.findings(made, name_prefix), *data_protection.findings(made)]
    if stack.terraform.folder.name == "bootstrap":
        return found
    here, elsewhere = (
        sample_events.of(stack.project, **vars(at)) for at in (place, replace(place, environment="prod"))
    )
    return [
        *found,
        *naming.findings(made, name_prefix),
        *integration_contracts.findings(made),
        *integration_contracts.disagreements(made, name_prefix, stack.project, FACTS),
        *integration_contracts.mismatched_rules(
            integration_contracts.patterns(made, name_prefix),
            [*sample_events.matched(here), *sample_events.unmatched(here), *sample_events.foreign(elsewhere)],
        ),
    ]


@pytest.mark.parametrize(("stack", "name"), [(stack, name) for stack, defects in DEFECTS.items() for name in defects])
def test_a_defect_is_detected(found: Mapping[str, Future[list[Finding]]], stack: str, name: str) -> None:
    _, _, _, rule, at = DEFECTS[stack][name]
    assert [finding for finding in found[stack].result() if finding.rule == rule and at in finding.address]


@pytest.mark.parametrize("stack", DEFECTS)
def test_nothing_but_the_defects_is_detected(found: Mapping[str, Future[list[Finding]]], stack: str) -> None:
    made = {defect.rule for defect in DEFECTS[stack].values()}
    assert {finding.rule for finding in found[stack].result()} == made


@pytest.mark.parametrize("name", DEFECTS)
def test_without_a_defect_nothing_is_detected(pending: PendingStacks, name: str) -> None:
    stack: Stack = pending[name].result()
    assert findings(stack, stack.made) == []
