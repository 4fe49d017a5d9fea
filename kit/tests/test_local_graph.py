"""A definition becomes steps with their dependencies; one that cannot run is refused before any step starts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.definition.model import PARAMETER_TYPES, Branch
from mlops_kit.runner.graph import RUNNABLE_TYPES, DefinitionError, Node, read_graph
from mlops_kit.runner.parameters import PARSERS, ParameterError, read_parameters
from mlops_kit.runner.steps import STEP_EXECUTORS
from pipeline_harness import condition, equals, fail


def step(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    arguments = {"Values": [{"Get": f"Steps.{need}.ModelName"} for need in needs]}
    return {"Name": name, "Type": "Model", "Arguments": arguments, **more}


def graph(*steps: dict[str, Any]) -> dict[str, Node]:
    return {node.name: node for node in read_graph({"Steps": list(steps)})}


def test_a_step_needs_the_steps_it_refers_to_and_depends_on() -> None:
    nodes = graph(step("A"), step("B"), step("C", "A", DependsOn=["B"]))
    assert nodes["C"].needs == ("A", "B")
    assert nodes["A"].needs == ()


def test_a_reference_inside_a_join_or_a_property_file_counts() -> None:
    inner = {"Std:Join": {"On": "", "Values": [{"Get": "Steps.A.OutputParameters['x.y']"}]}}
    file = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.B.PropertyFiles.E"}, "Path": "a"}}
    assert graph(step("A"), step("B"), {**step("C"), "Arguments": [inner, file]})["C"].needs == ("A", "B")


def test_steps_inside_a_condition_need_it_and_it_does_not_need_them() -> None:
    check = condition("Check", equals({"Get": "Steps.A.X"}, 1), then=[step("B")], otherwise=[fail("F", "no")])
    nodes = graph(step("A"), check)
    assert list(nodes) == ["A", "Check", "B", "F"]
    assert nodes["Check"].needs == ("A",)
    assert (nodes["B"].branch, nodes["F"].branch) == (Branch("Check", True), Branch("Check", False))
    assert nodes["B"].needs == ("Check",)


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (
            [{**step("A"), "Type": "EMR"}, {**step("B"), "Type": "Callback"}],
            "A: Type is EMR, which the local cloud cannot run; .*; B: Type is Callback",
        ),
        ([step("A"), step("A")], "Steps have two called A; "),
        ([step("A"), step("a")], "Steps have two called a and A; use names that differ by more than case"),
        ([step("/tmp/x")], "Steps have one called '/tmp/x'; use up to 64 letters"),
        ([step("..")], "Steps have one called '..'"),
        ([step("")], "Steps have one called ''"),
        ([step("A", "B")], "A needs B, which does not exist"),
        (
            [step("A", "B"), step("B", "C"), step("C", "A"), step("D")],
            "wait for one another: A waits for B waits for C waits for A",
        ),
        (
            [step("A"), step("B", DependsOn=[{"Step": "A", "Trigger": "Failed"}])],
            "B: DependsOn starts when A ends as Failed",
        ),
    ],
)
def test_a_definition_that_cannot_run_is_refused(steps: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(DefinitionError, match=fault):
        graph(*steps)


def test_a_refusal_of_a_type_lists_the_runnable_types() -> None:
    with pytest.raises(DefinitionError, match="it runs Processing, Training, Tuning, Transform, QualityCheck, Model"):
        graph({**step("A"), "Type": "AutoML"})


def test_a_type_is_runnable_if_it_has_an_executor() -> None:
    assert set(RUNNABLE_TYPES) == {*STEP_EXECUTORS, "Condition", "Fail"}


def test_each_type_of_parameter_has_a_parser() -> None:
    assert PARSERS.keys() == PARAMETER_TYPES.keys()


DECLARED = {
    "Parameters": [
        {"Name": "Uri", "Type": "String", "DefaultValue": "s3://b"},
        {"Name": "Threshold", "Type": "Float", "DefaultValue": 2.5},
        {"Name": "Jobs", "Type": "Integer", "DefaultValue": 4},
        {"Name": "Quick", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Size", "Type": "String", "DefaultValue": "small", "EnumValues": ["small", "large"]},
    ]
}


def test_parameters_have_their_defaults_or_the_given_values_in_their_type() -> None:
    assert read_parameters(DECLARED, {"Threshold": "1.5", "Jobs": "7", "Quick": "true"}) == {
        "Uri": "s3://b",
        "Threshold": 1.5,
        "Jobs": 7,
        "Quick": True,
        "Size": "small",
    }


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_survive_their_passage_through_the_api_as_text(threshold: float, jobs: int) -> None:
    read = read_parameters(DECLARED, {"Threshold": repr(threshold), "Jobs": str(jobs)})
    assert (read["Threshold"], read["Jobs"]) == (threshold, jobs)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"Treshold": "1"}, "no parameter 'Treshold'; it has Uri, Threshold"),
        ({"Threshold": "low"}, "'Threshold' is of type Float, and 'low' is not"),
        ({"Jobs": "2.5"}, "'Jobs' is of type Integer, and '2.5' is not"),
        ({"Quick": "yes"}, "'Quick' is of type Boolean"),
        ({"Size": "huge"}, "'Size' is one of small, large, and not 'huge'"),
    ],
)
def test_a_value_that_a_parameter_does_not_take_is_refused(values: dict[str, str], fault: str) -> None:
    with pytest.raises(ParameterError, match=fault):
        read_parameters(DECLARED, values)


def test_a_parameter_without_a_default_requires_a_value() -> None:
    declared = {"Parameters": [{"Name": "Uri", "Type": "String"}]}
    with pytest.raises(ParameterError, match="'Uri' has no default; give it a value"):
        read_parameters(declared, {})
    with pytest.raises(ParameterError, match="it has none"):
        read_parameters({}, {"Uri": "x"})
