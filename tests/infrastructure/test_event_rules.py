"""Each rule matches its events, and none of other states, environments or projects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import integration_contracts
import sample_events
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def events(stack: Stack, **elsewhere: str) -> Any:
    """Events of a stack, or of another project or environment."""
    return sample_events.of(stack.project, **{**vars(stack.place), **elsewhere})


def elsewhere(stack: Stack) -> Iterator[Any]:
    """Other projects and environments with very similar names."""
    project, environment = stack.place.project, stack.place.environment
    yield events(stack, environment="prod")
    yield events(stack, environment=f"{environment}2")
    yield events(stack, project=f"{project}s")
    yield events(stack, project=project[:-1])
    yield events(stack, project=f"{project}-{environment}", environment="prod")
    yield events(stack, project=f"my-{project}")


def test_every_rule_matches_its_documented_event_and_no_other(live: Stack) -> None:
    patterns = integration_contracts.patterns(live.made, live.place.name_prefix)
    assert (
        integration_contracts.mismatched_rules(
            patterns, [*sample_events.matched(events(live)), *sample_events.unmatched(events(live))]
        )
        == []
    )


def test_no_rule_matches_events_of_another_project_or_environment(live: Stack) -> None:
    patterns = integration_contracts.patterns(live.made, live.place.name_prefix)
    assert (
        integration_contracts.mismatched_rules(
            patterns, [event for other in elsewhere(live) for event in sample_events.foreign(other)]
        )
        == []
    )


def test_every_documented_event_has_a_rule_and_every_rule_a_documented_event(shop: Stack) -> None:
    rules = {rule for rule, _ in sample_events.matched(events(shop))}
    assert set(integration_contracts.patterns(shop.made, shop.place.name_prefix)) == rules


def test_without_the_trigger_new_data_starts_nothing(neighbour: Stack) -> None:
    assert "new-data" not in integration_contracts.patterns(neighbour.made, neighbour.place.name_prefix)
