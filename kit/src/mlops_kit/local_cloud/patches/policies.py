"""Policies of buckets: a Deny under a condition.

moto is told too little of a request to know whether a condition holds, and takes every conditional Deny for one that
applies: "no request without TLS", which every bucket should have, would forbid all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from mlops_kit.local_cloud.patches.patch import replaced


@contextmanager
def conditional_denials_are_left_out() -> Iterator[None]:
    """Within this block a Deny under a condition denies nothing."""
    with replaced(IAMPolicyStatement, "is_action_permitted", _without_conditional_denials):
        yield


def _without_conditional_denials(original: Callable[..., PermissionResult]) -> Callable[..., PermissionResult]:
    def is_action_permitted(statement: Any, *given: Any, **named: Any) -> PermissionResult:
        content = statement._statement
        if content["Effect"] == "Deny" and content.get("Condition"):
            return PermissionResult.NEUTRAL
        return original(statement, *given, **named)

    return is_action_permitted
