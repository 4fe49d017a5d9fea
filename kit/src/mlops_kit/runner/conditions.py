"""Decide the conditions of a Condition step."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_kit.runner.expressions import Scope, resolve
from mlops_kit.runner.failures import client_error

Condition = Mapping[str, Any]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def all_hold(conditions: Sequence[Condition], scope: Scope) -> bool:
    """Whether every condition of a step holds.

    Raises:
        StepFailedError: one cannot be decided.
    """
    return all(holds(condition, scope) for condition in conditions)


def holds(condition: Condition, scope: Scope) -> bool:
    """Whether a condition holds.

    Raises:
        StepFailedError: it refers to something that is not there, or compares what cannot be compared.
    """
    match condition["Type"]:
        case "Not":
            # the SDK writes Condition, the definition's published schema says Expression
            return not holds(condition.get("Condition") or condition["Expression"], scope)
        case "Or":
            return any(holds(inner, scope) for inner in condition["Conditions"])
        case "And":
            return all(holds(inner, scope) for inner in condition["Conditions"])
        case "In":
            wanted = resolve(condition["QueryValue"], scope)
            return any(_compare("Equals", wanted, value) for value in resolve(condition["Values"], scope))
        case kind if kind in COMPARISONS:
            return _compare(kind, resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope))
        case kind:
            known = ", ".join([*COMPARISONS, "In", "Not", "Or", "And"])
            raise client_error(f"there is no condition {kind!r}; there are {known}")


def _compare(kind: str, left: Any, right: Any) -> bool:
    """Compare like with like, as SageMaker does: it finds no order between a text and a number."""
    if _kind(left) != _kind(right):
        raise client_error(f"{left!r} ({_kind(left)}) cannot be compared with {right!r} ({_kind(right)})")
    return COMPARISONS[kind](left, right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__
