"""The expressions of a definition evaluate as in SageMaker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.definition.references import parse_path, parse_reference, references
from mlops_kit.runner.expressions import Scope, as_text, resolve, walk
from mlops_kit.runner.failures import StepFailedError

NAMES = st.text("abcXYZ019_:- ", min_size=1, max_size=8)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


def scope(**more: Any) -> Scope:
    known: dict[str, Any] = {"parameters": {}, "execution": {}, "results": {}, "property_file": None, "document": None}
    return Scope(**{**known, **more})


def refusal(action: Callable[[], Any]) -> str:
    with pytest.raises(StepFailedError) as caught:
        action()
    return caught.value.reason


@given(TREES)
def test_a_value_without_expressions_is_unchanged(tree: Any) -> None:
    assert resolve(tree, scope()) == tree
    assert list(references(tree)) == []


def test_get_reads_parameters_variables_of_the_execution_and_results_of_steps() -> None:
    train = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}}
    known = scope(parameters={"Threshold": 2.5}, execution={"PipelineName": "p"}, results={"Train": train})
    expression = [
        {"Get": "Parameters.Threshold"},
        {"name": {"Get": "Execution.PipelineName"}},
        {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
    ]
    assert resolve(expression, known) == [2.5, {"name": "p"}, "s3://b/model.tar.gz"]
    assert [str(reference) for _, reference in references(expression)] == [
        "Parameters.Threshold",
        "Execution.PipelineName",
        "Steps.Train.ModelArtifacts.S3ModelArtifacts",
    ]


def test_a_lambda_output_is_found_by_its_name() -> None:
    known = scope(results={"Resolve": {"OutputParameters": {"DataVersion": "ab12"}}})
    assert resolve({"Get": "Steps.Resolve.OutputParameters['DataVersion']"}, known) == "ab12"


def test_a_name_selects_an_element_of_a_list_of_named_elements() -> None:
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": f"s3://b/{name}"}} for name in ("train", "test")]
    assert walk({"Outputs": outputs}, "Outputs['test'].S3Output.S3Uri") == "s3://b/test"
    metrics = [{"MetricName": "validation:rmse", "Value": 1.5}]
    assert walk({"FinalMetricDataList": metrics}, "FinalMetricDataList['validation:rmse'].Value") == 1.5


@given(st.lists(PLAIN.map(as_text)), st.sampled_from(["", "/", ", "]))
def test_join_joins_texts(values: list[str], on: str) -> None:
    assert resolve({"Std:Join": {"On": on, "Values": values}}, scope()) == on.join(values)


def test_join_writes_numbers_and_booleans_as_the_api_does() -> None:
    join = {"Std:Join": {"On": " ", "Values": [1, 2.5, True, {"Get": "Parameters.Name"}]}}
    assert resolve(join, scope(parameters={"Name": "x"})) == "1 2.5 true x"


def test_expressions_can_be_nested() -> None:
    inner = {"Std:Join": {"On": "-", "Values": ["a", {"Get": "Parameters.P"}]}}
    assert resolve({"Std:Join": {"On": "/", "Values": ["s3://b", inner]}}, scope(parameters={"P": 1})) == "s3://b/a-1"


def test_json_get_reads_a_property_file() -> None:
    calls: list[tuple[str, str]] = []

    def read(step: str, name: str) -> Any:
        calls.append((step, name))
        return {"champion": {"shortfall": 0.25}}

    expression = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"},
            "Path": "champion.shortfall",
        }
    }
    assert resolve(expression, scope(property_file=read)) == 0.25
    assert calls == [("Evaluate", "Evaluation")]


def test_json_get_reads_a_document_by_its_uri() -> None:
    place = {"Std:Join": {"On": "/", "Values": ["s3://b", "result.json"]}}
    expression = {"Std:JsonGet": {"S3Uri": place, "Path": "[1]['a b']"}}
    documents = {"s3://b/result.json": [0, {"a b": "found"}]}
    assert resolve(expression, scope(document=documents.__getitem__)) == "found"


@given(st.lists(NAMES | st.integers(0, 50), min_size=1, max_size=5), st.data())
def test_all_notations_of_a_path_select_the_same_value(path: list[str | int], data: st.DataObject) -> None:
    tree: Any = "here"
    for part in reversed(path):
        tree = {part: tree} if isinstance(part, str) else [*["not here"] * part, tree]
    text = ""
    for part in path:
        quoted = data.draw(st.sampled_from([".{}", "['{}']", '["{}"]'])) if isinstance(part, str) else "[{}]"
        text += quoted.format(part)
    assert [int(key) if kind == "index" else key for kind, key in parse_path(text)] == path
    assert walk(tree, text) == "here"


@given(TREES, NAMES)
def test_a_path_that_does_not_exist_is_refused_by_name(tree: Any, name: str) -> None:
    assert f"{name}[7].missing" in refusal(lambda: walk({"only": tree}, f"{name}[7].missing"))


@pytest.mark.parametrize("path", ["a..b", "a[", "a['b]", "[x]", "a.", "]", "a[0]b"])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    assert "cannot be read" in refusal(lambda: walk({}, path))


@given(st.sampled_from(["Steps.A", "Parameters", "Execution", ""]), st.text("aB.[]'\"0_ "))
def test_a_reference_has_one_notation(start: str, rest: str) -> None:
    reference = parse_reference(start + rest)
    assert reference is None or str(reference) == start + rest


@pytest.mark.parametrize(
    "text", ['Steps.A.Outputs["x"]', "Steps.A['x']", "Steps.A.", "Steps.", "Parameters.a b", "A.b", 1]
)
def test_a_text_that_is_not_a_reference_is_refused(text: Any) -> None:
    assert parse_reference(text) is None
    assert "is not a reference of SageMaker's" in refusal(lambda: resolve({"Get": text}, scope(results={"A": {}})))


def test_the_name_of_a_property_file_may_have_a_dot() -> None:
    expression = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.result.v2"}, "Path": "a"}}
    files = {("A", "result.v2"): {"a": 1}}
    assert resolve(expression, scope(property_file=lambda step, name: files[step, name])) == 1


def test_a_refusal_lists_the_existing_names() -> None:
    known = scope(parameters={"Threshold": 1}, results={"Train": {"ModelArtifacts": {}}})
    assert "there is no Parameters.Thresold; there are Threshold" in refusal(
        lambda: resolve({"Get": "Parameters.Thresold"}, known)
    )
    assert "Steps.Train.Artifacts: there is no Artifacts: among ModelArtifacts" in refusal(
        lambda: resolve({"Get": "Steps.Train.Artifacts"}, known)
    )
    assert "Steps.Tune.X refers to nothing" in refusal(lambda: resolve({"Get": "Steps.Tune.X"}, known))


@given(PLAIN)
def test_a_text_is_unchanged_and_other_values_become_json_or_python_numbers(value: Any) -> None:
    text = as_text(value)
    if isinstance(value, str):
        assert text == value
    elif isinstance(value, float):
        assert float(text) == value
    else:
        assert json.loads(text) == value
