"""The real Terraform and the real provider apply what is generated, find it as it should be, and remove it again."""

from __future__ import annotations

import pytest

from stacks import Passing, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_a_second_plan_changes_nothing(stack: Stack) -> None:
    assert stack.changes == ""


def test_nothing_is_left_of_a_destroyed_project(passing: Passing) -> None:
    assert passing.after == passing.before


def test_what_python_made_is_known_to_be_there_before(passing: Passing) -> None:
    made = {f"{passing.stack.place.stem}-{kind}" for kind in ("training", "training-hpo", "inference")}
    assert made <= set(passing.used["sagemaker list_pipelines"])
    assert all(passing.used[kind] for kind in passing.used if passing.after[kind] != passing.used[kind])
