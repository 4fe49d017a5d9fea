"""Bucket policies: Deny statements with a condition.

moto lacks what it would need to evaluate a condition, and applies every conditional Deny. "Deny without TLS", which
every bucket should have, would deny everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from mlops_kit.local_cloud.patches.patch import patch


@contextmanager
def patch_bucket_policies() -> Iterator[None]:
    """Within this block a Deny with a condition has no effect."""
    with patch(IAMPolicyStatement, "is_action_permitted", _without_conditional_denials):
        yield


def _without_conditional_denials(original: Callable[..., PermissionResult]) -> Callable[..., PermissionResult]:
    def is_action_permitted(statement: Any, *args: Any, **kwargs: Any) -> PermissionResult:
        content = statement._statement
        if content["Effect"] == "Deny" and content.get("Condition"):
            return PermissionResult.NEUTRAL
        return original(statement, *args, **kwargs)

    return is_action_permitted
