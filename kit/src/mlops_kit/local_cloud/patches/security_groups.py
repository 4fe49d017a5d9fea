"""Rules of security groups: what they are for, which moto keeps only where they name addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

from mlops_kit.local_cloud.patches.patch import replaced

OTHERS = {"source_group": 6, "prefix_list_id": 7}  # what a rule may name instead: places among the arguments


@contextmanager
def rules_keep_their_descriptions() -> Iterator[None]:
    """Within this block every rule keeps its description."""
    with (
        replaced(SecurityGroupRule, "__init__", _keeping),
        replaced(SecurityGroupRule, "description", lambda original: property(lambda rule: _described(rule, original))),
    ):
        yield


def _keeping(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(rule: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        for name, place in OTHERS.items():
            other = named.get(name) or (given[place] if len(given) > place else None)
            if other and "Description" in other:
                rule.described = other.pop("Description")  # what is left tells one rule from another
        original(rule, *given, **named)

    return __init__


def _described(rule: Any, original: Any) -> Any:
    return vars(rule).get("described") or original.fget(rule)
