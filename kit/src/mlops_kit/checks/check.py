"""Check a definition before it is deployed: its requests against the API's description, its graph, and the policy.

The definition may be compiled, with placeholders like ${bucket} for an environment, or bound to an environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_kit.checks import (
    caching,
    container_contract,
    graph,
    metrics,
    policy,
    references,
    requests,
    step_fields,
)
from mlops_kit.definition.model import Definition, Finding

__all__ = ["Finding", "check"]

RULES = (graph, requests, step_fields, references, container_contract, metrics, policy, caching)


def check(definition: Mapping[str, Any]) -> list[Finding]:
    """The faults of a definition as read from JSON."""
    parsed = Definition(definition)
    return [finding for rules in RULES for finding in rules.check(parsed)]
