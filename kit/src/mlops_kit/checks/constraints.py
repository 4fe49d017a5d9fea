"""The constraints of AWS's API on a request: the length, the range and the pattern of each value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

from mlops_kit.checks.api_shapes import metadata, pattern

SIZED = ("string", "list", "map", "blob")  # the types whose limits are about the length


def violations(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """The constraints that a value breaks, each in the words of AWS's errors.

    Missing, unknown and mistyped members are not reported: clients refuse to send them. Nor are words that an
    enumeration lacks, because AWS adds words more often than botocore is updated.

    Args:
        value: an operation's input, or a part of it.
        shape: in the service's model.
        path: where the value is in the request.
    """
    yield from (f"Value {shown(value)} at '{path}' failed to satisfy constraint: {rule}" for rule in _own(value, shape))
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list" and isinstance(value, list):
        for number, element in enumerate(value, 1):
            yield from violations(element, shape.member, f"{path}.{number}.member")
    elif shape.type_name == "map" and isinstance(value, dict):
        for key, element in value.items():
            yield from violations(key, shape.key, f"{path}.key")
            yield from violations(element, shape.value, f"{path}.{key}.value")


def _own(value: Any, shape: Shape) -> Iterator[str]:
    """What a value itself must be, without its parts."""
    limits = metadata(shape)
    low, high = limits.get("min", -math.inf), limits.get("max", math.inf)
    size: float
    if shape.type_name in SIZED and isinstance(value, str | bytes | list | dict):
        size, what = len(value), "have length"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size, what = value, "have value"
    else:
        return
    if size < low:
        yield f"Member must {what} greater than or equal to {low}"
    if size > high:
        yield f"Member must {what} less than or equal to {high}"
    expression = pattern(limits["pattern"]) if isinstance(value, str) and "pattern" in limits else None
    if expression and low <= size <= high and not expression.fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"


def shown(value: Any) -> str:
    """A value for a message, shortened to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
