"""Conditions evaluate as in SageMaker, and values of different types are not compared."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.definition import conditions
from mlops_kit.runner.conditions import COMPARISONS, all_hold, holds
from mlops_kit.runner.expressions import Scope
from mlops_kit.runner.failures import StepFailedError
from pipeline_harness import equals

SCOPE = Scope({"Threshold": 2.5}, {}, {}, lambda *_: None, lambda _: None)
NUMBERS = st.integers(-10, 10) | st.floats(-10, 10)
TRUE, FALSE = equals(1, 1), equals(1, 2)


@given(st.sampled_from(sorted(COMPARISONS)), NUMBERS, NUMBERS)
def test_numbers_are_compared_as_numbers(kind: str, left: float, right: float) -> None:
    python: dict[str, Callable[[Any, Any], bool]] = {
        "Equals": operator.eq,
        "GreaterThan": operator.gt,
        "GreaterThanOrEqualTo": operator.ge,
        "LessThan": operator.lt,
        "LessThanOrEqualTo": operator.le,
    }
    assert holds({"Type": kind, "LeftValue": left, "RightValue": right}, SCOPE) == python[kind](left, right)


def test_an_operand_can_be_an_expression() -> None:
    below = {"Type": "LessThanOrEqualTo", "LeftValue": 2.5, "RightValue": {"Get": "Parameters.Threshold"}}
    assert holds(below, SCOPE)


@pytest.mark.parametrize(("condition", "outcome"), [(TRUE, True), (FALSE, False)])
def test_not_negates_a_condition_under_either_key(condition: dict[str, Any], outcome: bool) -> None:
    assert holds({"Type": "Not", "Condition": condition}, SCOPE) is not outcome
    assert holds({"Type": "Not", "Expression": condition}, SCOPE) is not outcome


def test_or_holds_if_one_condition_holds() -> None:
    assert holds({"Type": "Or", "Conditions": [FALSE, TRUE]}, SCOPE)
    assert not holds({"Type": "Or", "Conditions": [FALSE, FALSE]}, SCOPE)


def test_all_conditions_of_a_step_must_hold() -> None:
    assert all_hold([TRUE, TRUE], SCOPE)
    assert not all_hold([TRUE, FALSE], SCOPE)


def test_in_holds_if_a_value_is_one_of_the_values() -> None:
    condition = {"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}
    assert holds(condition, SCOPE)
    assert not holds({**condition, "QueryValue": "c"}, SCOPE)


@pytest.mark.parametrize(("left", "right"), [("2.5", 2.5), (True, 1), ("true", True), (None, 0)])
def test_values_of_different_types_are_not_compared(left: Any, right: Any) -> None:
    with pytest.raises(StepFailedError, match="cannot be compared"):
        holds(equals(left, right), SCOPE)


def test_a_condition_without_an_operand_is_refused() -> None:
    with pytest.raises(StepFailedError, match="a condition Equals lacks RightValue"):
        holds({"Type": "Equals", "LeftValue": 1}, SCOPE)


def test_every_comparison_of_the_grammar_can_be_evaluated() -> None:
    assert tuple(COMPARISONS) == conditions.COMPARISONS


def test_an_unknown_condition_is_refused_by_name() -> None:
    with pytest.raises(StepFailedError, match="there is no condition 'Resembles'; there are Equals"):
        holds({"Type": "Resembles"}, SCOPE)
