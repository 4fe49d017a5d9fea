"""Evaluate the conditions of a Condition step; their grammar is in mlops_kit.definition.conditions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from mlops_kit.definition.conditions import CONDITION_TYPES, Condition, inner_conditions, missing_operands
from mlops_kit.runner.expressions import Scope, resolve
from mlops_kit.runner.failures import client_error

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
        StepFailedError: one cannot be evaluated.
    """
    return all(holds(condition, scope) for condition in conditions)


def holds(condition: Condition, scope: Scope) -> bool:
    """Whether a condition holds.

    Raises:
        StepFailedError: it refers to something that does not exist, or its values cannot be compared.
    """
    kind = condition.get("Type")
    if missing := missing_operands(condition):
        raise client_error(f"a condition {kind} lacks {', '.join(missing)}")
    if kind in ("Not", "Or"):
        outcomes = (holds(inner, scope) for _, inner in inner_conditions(condition))
        return any(outcomes) if kind == "Or" else not next(outcomes)
    if kind == "In":
        value = resolve(condition["QueryValue"], scope)
        return any(_compare("Equals", value, choice) for choice in resolve(condition["Values"], scope))
    if kind in COMPARISONS:
        return _compare(kind, resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope))
    raise client_error(f"there is no condition {kind!r}; there are {', '.join(CONDITION_TYPES)}")


def _compare(kind: str, left: Any, right: Any) -> bool:
    """Compare values of one type, as SageMaker does: a text and a number have no order."""
    if _kind(left) != _kind(right):
        raise client_error(f"{left!r} ({_kind(left)}) cannot be compared with {right!r} ({_kind(right)})")
    return COMPARISONS[kind](left, right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__
