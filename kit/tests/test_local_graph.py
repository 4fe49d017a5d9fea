"""A definition is read into steps and what they wait for; one that cannot be run is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.runner.graph import KNOWN_TYPES, Branch, DefinitionError, Node, read_graph
from mlops_kit.runner.parameters import ParameterError, read_parameters
from mlops_kit.runner.steps import STEP_EXECUTORS
from pipeline_harness import condition, equals, fail


def step(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    arguments = {"Values": [{"Get": f"Steps.{need}.ModelName"} for need in needs]}
    return {"Name": name, "Type": "Model", "Arguments": arguments, **more}


def graph(*steps: dict[str, Any]) -> dict[str, Node]:
    return {node.name: node for node in read_graph({"Steps": list(steps)})}


def test_a_step_needs_those_it_refers_to_and_those_it_depends_on() -> None:
    nodes = graph(step("A"), step("B"), step("C", "A", DependsOn=["B"]))
    assert nodes["C"].needs == ("A", "B")
    assert nodes["A"].needs == ()


def test_a_reference_inside_a_join_or_a_property_file_counts() -> None:
    inner = {"Std:Join": {"On": "", "Values": [{"Get": "Steps.A.OutputParameters['x.y']"}]}}
    file = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.B.PropertyFiles.E"}, "Path": "a"}}
    assert graph(step("A"), step("B"), {**step("C"), "Arguments": [inner, file]})["C"].needs == ("A", "B")


def test_steps_inside_a_condition_need_it_and_not_it_them() -> None:
    check = condition("Check", equals({"Get": "Steps.A.X"}, 1), then=[step("B")], otherwise=[fail("F", "no")])
    nodes = graph(step("A"), check)
    assert list(nodes) == ["A", "Check", "B", "F"]
    assert nodes["Check"].needs == ("A",)
    assert (nodes["B"].branch, nodes["F"].branch) == (Branch("Check", True), Branch("Check", False))
    assert nodes["B"].needs == ("Check",)


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([{**step("A"), "Type": "EMR"}, {**step("B"), "Type": "Callback"}], r"cannot run A \(EMR\), B \(Callback\)"),
        ([step("A"), step("A")], "two steps are called A"),
        ([step("A"), step("a")], "two steps are called a and A"),
        ([step("/tmp/x")], "a step is called '/tmp/x'; a name is up to 64 letters"),
        ([step("..")], "a step is called '..'"),
        ([step("")], "a step is called ''"),
        ([step("A", "B")], "A needs B, and there is no such step"),
        ([step("A", "B"), step("B", "C"), step("C", "A"), step("D")], "waits for another of them: A, B, C"),
        ([step("A"), step("B", DependsOn=[{"Step": "A", "Trigger": "Failed"}])], "B is to run when A ends as Failed"),
    ],
)
def test_what_cannot_be_run_is_refused(steps: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(DefinitionError, match=fault):
        graph(*steps)


def test_a_refusal_of_a_type_lists_what_is_known() -> None:
    with pytest.raises(DefinitionError, match="it knows Processing, Training, Tuning, Transform, QualityCheck, Model"):
        graph({**step("A"), "Type": "AutoML"})


def test_what_is_known_is_what_there_is_a_runner_for() -> None:
    assert set(KNOWN_TYPES) == {*STEP_EXECUTORS, "Condition", "Fail"}


DECLARED = {
    "Parameters": [
        {"Name": "Uri", "Type": "String", "DefaultValue": "s3://b"},
        {"Name": "Threshold", "Type": "Float", "DefaultValue": 2.5},
        {"Name": "Jobs", "Type": "Integer", "DefaultValue": 4},
        {"Name": "Quick", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Size", "Type": "String", "DefaultValue": "small", "EnumValues": ["small", "large"]},
    ]
}


def test_parameters_have_their_defaults_unless_given_and_then_their_type() -> None:
    assert read_parameters(DECLARED, {"Threshold": "1.5", "Jobs": "7", "Quick": "true"}) == {
        "Uri": "s3://b",
        "Threshold": 1.5,
        "Jobs": 7,
        "Quick": True,
        "Size": "small",
    }


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_survive_the_way_through_the_api(threshold: float, jobs: int) -> None:
    read = read_parameters(DECLARED, {"Threshold": repr(threshold), "Jobs": str(jobs)})
    assert (read["Threshold"], read["Jobs"]) == (threshold, jobs)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"Treshold": "1"}, "no parameter 'Treshold'; it has Uri, Threshold"),
        ({"Threshold": "low"}, "'Threshold' is of type Float, and 'low' is not"),
        ({"Jobs": "2.5"}, "'Jobs' is of type Integer, and '2.5' is not"),
        ({"Quick": "yes"}, "'Quick' is of type Boolean"),
        ({"Size": "huge"}, "'Size' is one of small, large, and not 'huge'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(given: dict[str, str], fault: str) -> None:
    with pytest.raises(ParameterError, match=fault):
        read_parameters(DECLARED, given)


def test_a_parameter_without_default_has_to_be_given() -> None:
    declared = {"Parameters": [{"Name": "Uri", "Type": "String"}]}
    with pytest.raises(ParameterError, match="'Uri' has no default; give it a value"):
        read_parameters(declared, {})
    with pytest.raises(ParameterError, match="it has none"):
        read_parameters({}, {"Uri": "x"})
