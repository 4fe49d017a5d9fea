"""The tests find what somebody could get wrong: defects are made in the files of an applied stack, and planned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import iam
import naming
import safekeeping
import told
import wiring
from defects import DEFECTS
from resources import Finding, Resource, resources
from stacks import Rising, Stack
from terraform import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

FACTS = ("bucket", "kms_key_arn", "role_arn", "model_package_group", "subnets", "security_groups")


@pytest.fixture(scope="module")
def found(rising: Rising, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Future[list[Finding]]]:
    """What the tests of this folder find in each stack with all its defects."""
    folder = tmp_path_factory.mktemp("defects")

    def find(name: str) -> list[Finding]:
        stack: Stack = rising[name].result()
        return findings(stack, planned(stack, folder / name))

    with ThreadPoolExecutor() as at_once:
        return {name: at_once.submit(find, name) for name in DEFECTS}


def planned(stack: Stack, folder: Path) -> list[Resource]:
    """The resources that there would be with all defects of a stack; it stays as it is, since nothing is applied."""
    root = stack.terraform.folder
    infra = shutil.copytree(root.parent, folder / "infra", symlinks=True)
    for part in ("config", "lambdas"):
        (folder / part).symlink_to(root.parents[1] / part)
    for defect in DEFECTS[folder.name].values():
        defect.make(infra)
    terraform = Terraform(infra / root.name, stack.cloud.url)
    made: list[Resource] = resources(terraform.planned("-refresh=false", *stack.arguments))
    return made


def findings(stack: Stack, made: list[Resource]) -> list[Finding]:
    """Whatever the tests of this folder find in a stack."""
    stem, place = stack.place.stem, stack.place
    found = [*iam.findings(made, stem), *safekeeping.findings(made)]
    if stack.terraform.folder.name == "bootstrap":
        return found
    here, elsewhere = (
        told.sample_events(stack.project, **vars(at)) for at in (place, replace(place, environment="prod"))
    )
    return [
        *found,
        *naming.findings(made, stem),
        *wiring.findings(made),
        *wiring.disagreements(made, stem, stack.project, FACTS),
        *wiring.misheard(
            wiring.patterns(made, stem), [*told.heard(here), *told.unheard(here), *told.foreign(elsewhere)]
        ),
    ]


@pytest.mark.parametrize(("stack", "name"), [(stack, name) for stack, defects in DEFECTS.items() for name in defects])
def test_a_defect_is_found(found: Mapping[str, Future[list[Finding]]], stack: str, name: str) -> None:
    _, _, _, rule, at = DEFECTS[stack][name]
    assert [finding for finding in found[stack].result() if finding.rule == rule and at in finding.address]


@pytest.mark.parametrize("stack", DEFECTS)
def test_nothing_is_found_but_the_defects(found: Mapping[str, Future[list[Finding]]], stack: str) -> None:
    made = {defect.rule for defect in DEFECTS[stack].values()}
    assert {finding.rule for finding in found[stack].result()} == made


@pytest.mark.parametrize("name", DEFECTS)
def test_without_a_defect_nothing_is_found(rising: Rising, name: str) -> None:
    stack: Stack = rising[name].result()
    assert findings(stack, stack.made) == []
