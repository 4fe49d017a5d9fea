"""Security group rules: moto keeps their descriptions only if the rules name address ranges."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

from mlops_kit.local_cloud.patches.patch import patch

OTHER_SOURCES = ("source_group", "prefix_list_id")  # what a rule may name instead of an address range


@contextmanager
def patch_security_group_rules() -> Iterator[None]:
    """Within this block every rule keeps its description."""
    with (
        patch(SecurityGroupRule, "__init__", _keep_description),
        patch(SecurityGroupRule, "description", lambda original: property(lambda rule: _description(rule, original))),
    ):
        yield


def _keep_description(original: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(original)

    def __init__(rule: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        arguments = signature.bind(rule, *args, **kwargs).arguments
        for source in filter(None, (arguments.get(name) for name in OTHER_SOURCES)):
            if "Description" in source:
                rule.kept_description = source.pop("Description")  # moto identifies a rule by the rest
        original(rule, *args, **kwargs)

    return __init__


def _description(rule: Any, original: Any) -> Any:
    return vars(rule).get("kept_description") or original.fget(rule)
