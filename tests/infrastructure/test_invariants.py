"""What must hold for everything that is applied, whatever was answered."""

from __future__ import annotations

import pytest

import iam
import safekeeping
import wiring
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_nobody_may_do_more_than_they_need(stack: Stack) -> None:
    assert iam.findings(stack.made, stack.place.stem) == []


def test_everything_is_encrypted_private_and_kept_for_as_long_as_somebody_decided(stack: Stack) -> None:
    assert safekeeping.findings(stack.made) == []


def test_rules_schedules_and_functions_are_tied_to_what_they_call_and_to_what_keeps_their_failures(live: Stack) -> None:
    assert wiring.findings(live.made) == []
