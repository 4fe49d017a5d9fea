"""Rules that hold for every stack, whatever the answers."""

from __future__ import annotations

import pytest

import data_protection
import iam
import integration_contracts
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_policies_grant_only_what_is_needed(stack: Stack) -> None:
    assert iam.findings(stack.made, stack.place.name_prefix) == []


def test_stored_data_is_encrypted_private_and_has_a_retention(stack: Stack) -> None:
    assert data_protection.findings(stack.made) == []


def test_rules_schedules_and_functions_have_their_targets_and_dead_letter_queues(live: Stack) -> None:
    assert integration_contracts.findings(live.made) == []
