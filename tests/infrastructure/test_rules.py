"""Each rule hears what it is for, and nothing of other states, environments or projects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import told
import wiring
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def events(stack: Stack, **elsewhere: str) -> Any:
    """Events of a stack, or of somewhere else."""
    return told.sample_events(stack.project, **{**vars(stack.place), **elsewhere})


def elsewhere(stack: Stack) -> Iterator[Any]:
    """Other projects and environments, whose names come as close as names can."""
    project, environment = stack.place.project, stack.place.environment
    yield events(stack, environment="prod")
    yield events(stack, environment=f"{environment}2")
    yield events(stack, project=f"{project}s")
    yield events(stack, project=project[:-1])
    yield events(stack, project=f"{project}-{environment}", environment="prod")
    yield events(stack, project=f"my-{project}")


def test_every_rule_hears_its_documented_event_and_no_other(live: Stack) -> None:
    listening = wiring.patterns(live.made, live.place.stem)
    assert wiring.misheard(listening, [*told.heard(events(live)), *told.unheard(events(live))]) == []


def test_no_rule_hears_what_happens_in_another_project_or_environment(live: Stack) -> None:
    listening = wiring.patterns(live.made, live.place.stem)
    assert wiring.misheard(listening, [event for other in elsewhere(live) for event in told.foreign(other)]) == []


def test_every_documented_event_has_a_rule_and_every_rule_a_documented_event(shop: Stack) -> None:
    rules = {rule for rule, _ in told.heard(events(shop))}
    assert set(wiring.patterns(shop.made, shop.place.stem)) == rules


def test_without_the_trigger_new_data_starts_nothing(neighbour: Stack) -> None:
    assert "new-data" not in wiring.patterns(neighbour.made, neighbour.place.stem)
