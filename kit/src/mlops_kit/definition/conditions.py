"""The grammar of a Condition step's conditions: comparisons, In, and conditions made of others, Not and Or."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Condition = Mapping[str, Any]

ORDERINGS = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
COMPARISONS = ("Equals", *ORDERINGS)
CONDITION_TYPES = (*COMPARISONS, "In", "Not", "Or")

_OPERANDS: dict[str, tuple[str, ...]] = dict.fromkeys(COMPARISONS, ("LeftValue", "RightValue"))
_OPERANDS |= {"In": ("QueryValue", "Values"), "Or": ("Conditions",)}


def conditions(condition: Condition, place: str) -> Iterator[tuple[str, Condition]]:
    """A condition and all conditions inside it, with their places."""
    yield place, condition
    for key, inner in inner_conditions(condition):
        yield from conditions(inner, f"{place}.{key}")


def inner_conditions(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """The conditions that a Not or an Or is made of, with their keys."""
    if condition.get("Type") == "Not":
        key = _negated_key(condition)
        if key in condition:
            yield key, condition[key]
    elif condition.get("Type") == "Or":
        for index, inner in enumerate(condition.get("Conditions", [])):
            yield f"Conditions[{index}]", inner


def missing_operands(condition: Condition) -> list[str]:
    """The keys that a condition of its type lacks."""
    kind = str(condition.get("Type"))
    keys = (_negated_key(condition),) if kind == "Not" else _OPERANDS.get(kind, ())
    return [key for key in keys if key not in condition]


def _negated_key(condition: Condition) -> str:
    """The key of a Not's condition: the SDK writes Condition, the definition's published schema calls it Expression."""
    return "Expression" if "Expression" in condition and "Condition" not in condition else "Condition"
