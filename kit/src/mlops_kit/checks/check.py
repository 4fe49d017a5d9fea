"""Check a definition before AWS sees it: against the API's own description, as a graph, and against the policy.

It works on a definition as it is compiled, where ${names} stand for an environment, and on one that is bound.
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
    """Find the faults of a definition, as read from JSON; none where it is good."""
    seen = Definition(definition)
    return [finding for rules in RULES for finding in rules.check(seen)]
