"""The model card of a version: its text, its schema, and the registry that keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from sagemaker.core.shapes.model_card_shapes import ModelCardContent
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString

from mlops_jobs.errors import UserError
from mlops_jobs.model_card import MAX_BARS, card_parts
from mlops_kit.checks.model_card_schema import card_faults
from mlops_kit.config.model_card import TEXTS, read_model_card
from mlops_kit.config.reader import ConfigSection
from mlops_kit.definition.json_text import JsonPart, json_text
from mlops_kit.runner.expressions import Scope, resolve
from pipeline_harness import Lab, open_lab

PENDING = {"ModelCardContent": "{}", "ModelCardStatus": "PendingReview"}
EVALUATION: dict[str, Any] = {
    "regression_metrics": {"rmse": {"value": 2.1}, "r2": {"value": 0.5}},
    "metric": "rmse",
    "lower_is_better": True,
    "value": 2.1,
    "threshold": 2.5,
    "baseline": 3.2,
    "rows": 600,
    "champion": {"compared": True, "metrics": {"rmse": 2.2}},
    "explanations": {"mean_absolute": {f"feature {number}": 1 / (1 + number) for number in range(40)}, "unit": "rings"},
}
TRAINING = {"hyperparameters": {"max_depth": 4, "eta": 0.05}, "rounds": 80, "validation:rmse": 2.2}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def text_of(document: Any, **parameters: str) -> str:
    """The text of a document when the execution evaluates it, as the local runner does."""
    expression = json.loads(json.dumps(json_text(document).expr))
    scope = Scope(parameters, {"PipelineExecutionId": "e1"}, {}, lambda step, name: {}, lambda uri: {})
    return str(resolve(expression, scope))


@given(documents)
def test_a_document_is_written_as_json_on_one_line(document: Any) -> None:
    text = text_of({"document": document})
    assert json.loads(text) == {"document": document}
    assert text.isascii()
    assert "\n" not in text


@given(documents, documents)
def test_a_part_that_a_job_has_encoded_becomes_part_of_the_document(before: Any, part: Any) -> None:
    document = {
        "before": before,
        "part": JsonPart(ParameterString("Part")),
        "list": [JsonPart(ParameterString("Part"))],
    }
    assert json.loads(text_of(document, Part=json.dumps(part))) == {"before": before, "part": part, "list": [part]}


def test_variables_are_texts_of_the_document() -> None:
    uri = Join(on="/", values=["s3://bucket", ExecutionVariables.PIPELINE_EXECUTION_ID, "model"])
    document = {"id": ExecutionVariables.PIPELINE_EXECUTION_ID, "uris": [uri, "s3://other"]}
    assert json.loads(text_of(document)) == {"id": "e1", "uris": ["s3://bucket/e1/model", "s3://other"]}


def test_no_join_is_inside_another() -> None:
    written = json_text({"uri": Join(on="/", values=["s3://bucket", ExecutionVariables.PIPELINE_EXECUTION_ID])}).expr
    assert all("Std:Join" not in value for value in written["Std:Join"]["Values"] if isinstance(value, dict))


# What the evaluation contributes


def card_of(evaluation: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    parts = card_parts(evaluation, training)
    loaded = {name: json.loads(text) for name, text in parts.items() if name != "champion_value"}
    return {
        "training_details": {
            "training_job_details": {
                "user_provided_training_metrics": loaded["training_metrics"],
                "user_provided_hyper_parameters": loaded["hyper_parameters"],
            }
        },
        "evaluation_details": [
            {
                "name": "test split",
                "evaluation_observation": loaded["observation"],
                "metric_groups": loaded["metric_groups"],
            }
        ],
    }


def groups_of(card: dict[str, Any]) -> dict[str, Any]:
    return {group["name"]: group["metric_data"] for group in card["evaluation_details"][0]["metric_groups"]}


@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("training", [TRAINING, {}])
def test_the_parts_of_an_evaluation_follow_the_schema(training: dict[str, Any], compared: bool) -> None:
    champion = EVALUATION["champion"] if compared else {"compared": False, "metrics": {}}
    card = card_of({**EVALUATION, "champion": champion}, training)
    assert not card_faults(json.dumps(card))
    ModelCardContent.model_validate(card)  # the SDK's own reading of the schema


@pytest.mark.parametrize("value", [True, float("inf"), float("nan"), "linear", None])
def test_what_is_no_number_in_a_teams_training_record_is_left_out(value: Any) -> None:
    card = card_of(EVALUATION, {**TRAINING, "extra": value})
    assert not card_faults(json.dumps(card))
    assert card == card_of(EVALUATION, TRAINING)


def test_the_card_has_the_results_of_the_evaluation_and_of_the_training() -> None:
    card = card_of(EVALUATION, TRAINING)
    groups = groups_of(card)
    assert {metric["name"]: metric["value"] for metric in groups["metrics on the test split"]} == {
        "rmse": 2.1,
        "r2": 0.5,
    }
    assert groups["the approved version on the same rows"][0]["value"] == 2.2
    assert groups["the best constant prediction"][0]["value"] == 3.2
    observation = card["evaluation_details"][0]["evaluation_observation"]
    assert observation.startswith("rmse is 2.1 on 600 rows of the test split, and must be at most 2.5.")
    job = card["training_details"]["training_job_details"]
    assert job["user_provided_hyper_parameters"] == [
        {"name": "max_depth", "value": "4"},
        {"name": "eta", "value": "0.05"},
    ]
    assert {metric["name"]: metric["value"] for metric in job["user_provided_training_metrics"]} == {
        "rounds": 80,
        "validation:rmse": 2.2,
    }


def test_gates_are_part_of_the_observation_as_far_as_there_is_room() -> None:
    gates = {"summary": "mae: 1.2 of at most 2"}
    card = card_of({**EVALUATION, "gates": gates}, TRAINING)
    assert card["evaluation_details"][0]["evaluation_observation"].endswith("Gates: mae: 1.2 of at most 2.")
    assert not card_faults(json.dumps(card_of({**EVALUATION, "gates": {"summary": "mae " * 1000}}, TRAINING)))


def test_the_strongest_features_are_a_bar_chart() -> None:
    (chart,) = groups_of(card_of(EVALUATION, TRAINING))["explanations"]
    assert chart["x_axis_name"][0] == "feature 0"
    assert len(chart["value"]) == len(chart["x_axis_name"]) == MAX_BARS


@given(st.text(min_size=1), st.text(min_size=1))
def test_long_and_strange_names_follow_the_schema(name: str, value: str) -> None:
    training = {"hyperparameters": {name * 300: value * 300}, name * 300: 1.0}
    explanations = {"mean_absolute": {name * 100: 1.0}, "unit": name * 100}
    assert not card_faults(json.dumps(card_of({**EVALUATION, "explanations": explanations}, training)))


# The team's own texts


def read(own: dict[str, Any]) -> dict[str, dict[str, str]]:
    return read_model_card(ConfigSection({"model_card": own}, "config/pipelines.yaml"))


def test_a_text_stands_in_its_part_of_the_card() -> None:
    card = read({"purpose_of_model": 'Rank "old"\nshells', "risk_rating": "Low", "model_creator": "ada@example.com"})
    assert card["intended_uses"] == {"purpose_of_model": 'Rank "old"\nshells', "risk_rating": "Low"}
    assert card["model_overview"] == {"model_creator": "ada@example.com"}
    assert not card_faults(json.dumps(card))


def test_every_text_may_be_as_long_as_the_schema_allows() -> None:
    longest = {key: "é" * limit for texts in TEXTS.values() for key, limit in texts.items() if limit}
    card = read(longest)
    assert not card_faults(json.dumps(card))
    for key, text in longest.items():
        with pytest.raises(UserError, match=f"config/pipelines.yaml: model_card.{key} is 'éé"):
            read({key: text + "é"})


def test_without_the_key_the_team_says_nothing() -> None:
    assert read_model_card(ConfigSection({}, "config/pipelines.yaml")) == {part: {} for part in TEXTS}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (
            {"purpose": "x"},
            "model_card.purpose is not a part of a model card that a team writes; it may be model_creator",
        ),
        ({"risk_rating": "low"}, "model_card.risk_rating is 'low'; it must be one of High, Medium, Low, Unknown"),
        ({"model_creator": 7}, "model_card.model_creator is 7; it must be a text of 1 to 1024 characters, without ${"),
        ({"line_of_business": "a ${bucket}"}, "model_card.line_of_business is 'a ${bucket}'; it must be a text"),
    ],
)
def test_another_key_or_text_is_refused(own: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        read(own)
    assert words in str(refused.value)


# The registry


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        opened.cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="cards")
        yield opened


def register(lab: Lab, card: dict[str, str]) -> str:
    answer = lab.cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName="cards",
        InferenceSpecification={
            "Containers": [{"Image": "image"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelCard=card,
    )
    return str(answer["ModelPackageArn"])


def test_a_version_keeps_its_card_when_it_is_approved(lab: Lab) -> None:
    content = json.dumps(card_of(EVALUATION, TRAINING))
    sagemaker, arn = lab.cloud.client("sagemaker"), register(lab, {**PENDING, "ModelCardContent": content})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    kept = sagemaker.describe_model_package(ModelPackageName=arn)
    assert kept["ModelApprovalStatus"] == "Approved"
    assert kept["ModelCard"] == {"ModelCardContent": content, "ModelCardStatus": "PendingReview"}


def test_the_status_of_a_card_is_changed_alone(lab: Lab) -> None:
    sagemaker, arn = lab.cloud.client("sagemaker"), register(lab, PENDING)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Approved"})
    card = sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]
    assert card == {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "the content is not JSON"),
        ('{"model_overview": {"model_name": "x"}}', r"\$.model_overview"),
        ('{"intended_uses": {"risk_rating": "Severe"}}', "'Severe' is not one of"),
        ('{"evaluation_details": [{"metric_groups": []}]}', "'name' is a required property"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused(lab: Lab, content: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        register(lab, {**PENDING, "ModelCardContent": content})
