"""The real Terraform and the real provider apply generated projects, find no changes, and destroy them."""

from __future__ import annotations

import pytest

from stacks import DestroyedStack, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_a_second_plan_changes_nothing(stack: Stack) -> None:
    assert stack.changes == ""


def test_nothing_is_left_of_a_destroyed_project(destroyed: DestroyedStack) -> None:
    assert destroyed.after == destroyed.before


def test_the_deployed_pipelines_are_seen_before_they_are_destroyed(destroyed: DestroyedStack) -> None:
    made = {f"{destroyed.stack.place.name_prefix}-{kind}" for kind in ("training", "training-hpo", "inference")}
    assert made <= set(destroyed.used["sagemaker list_pipelines"])
    assert all(destroyed.used[kind] for kind in destroyed.used if destroyed.after[kind] != destroyed.used[kind])
