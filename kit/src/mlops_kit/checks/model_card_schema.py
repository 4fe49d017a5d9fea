"""SageMaker's schema of the model card of a model package, and what is wrong with a card.

It is the schema under "Model package model card schema" in
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html, without the parts that no card here has.
"""

from __future__ import annotations

import json
from typing import Any

from mlops_kit.config.model_card import RISK_RATING, RISKS, TEXTS

Schema = dict[str, Any]


def card_faults(content: str) -> list[str]:
    """What the registry refuses in the content of a card, each fault with its place; none if it takes the content."""
    from jsonschema import Draft202012Validator  # only the local cloud needs it, when a version is registered

    try:
        card = json.loads(content)
    except ValueError as error:
        return [f"the content is not JSON: {error}"]
    errors = sorted(Draft202012Validator(schema()).iter_errors(card), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def schema() -> Schema:
    """The JSON schema."""
    texts = {part: {key: _text(limit) for key, limit in keys.items()} for part, keys in TEXTS.items()}
    texts["intended_uses"][RISK_RATING] = {"enum": list(RISKS)}
    texts["model_overview"]["model_artifact"] = _texts(15)
    texts["training_details"]["training_job_details"] = _training_job()
    texts["additional_information"]["custom_details"] = {"type": "object", "additionalProperties": _text(1024)}
    parts = {part: _object(keys) for part, keys in texts.items()}
    return _object(parts | {"evaluation_details": {"type": "array", "items": _evaluation()}})


def _training_job() -> Schema:
    metric = _object({"name": _name(255), "notes": _text(1024), "value": {"type": "number"}}, "name", "value")
    hyperparameter = _object({"name": _name(255), "value": _name(255)}, "name", "value")
    keys = {
        "training_arn": _text(1024),
        "training_datasets": _texts(15),
        "training_environment": _object({"container_image": _texts(15)}),
    }
    for origin in ("", "user_provided_"):
        keys |= {
            f"{origin}training_metrics": _array(metric, 50),
            f"{origin}hyper_parameters": _array(hyperparameter, 100),
        }
    return _object(keys)


def _evaluation() -> Schema:
    number, points = {"type": "number"}, {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    line, names = _text(63), {"type": "array", "items": _text(63)}
    row = {"type": "array", "items": number, "minItems": 1, "maxItems": 20}
    scalar = {"anyOf": [number, _text(63), {"type": "boolean"}]}
    forms = [
        _metric(["number", "string", "boolean"], scalar, line, line),
        _metric(["linear_graph"], {"type": "array", "items": points, "minItems": 1}, line, line),
        _metric(["bar_chart"], {"type": "array", "items": number, "minItems": 1}, names, line),
        _metric(["matrix"], {"type": "array", "items": row, "minItems": 1, "maxItems": 20}, names, names),
    ]
    group = {
        "type": "object",
        "properties": {"name": _name(63), "metric_data": {"type": "array", "items": {"anyOf": forms}}},
        "required": ["name", "metric_data"],
    }
    keys = {
        "name": _name(63),
        "evaluation_observation": _text(2096),
        "evaluation_job_arn": _text(256),
        "datasets": {"type": "array", "items": _text(1024), "maxItems": 10},
        "metadata": {"type": "object", "additionalProperties": _text(1024)},
        "metric_groups": {"type": "array", "items": group},
    }
    return _object(keys, "name")


def _metric(types: list[str], value: Schema, x_axis: Schema, y_axis: Schema) -> Schema:
    keys = {"name": _name(255), "notes": _text(1024), "type": {"enum": types}, "value": value}
    return _object(keys | {"x_axis_name": x_axis, "y_axis_name": y_axis}, "name", "type", "value")


def _object(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }


def _text(limit: int) -> Schema:
    return {"type": "string", "maxLength": limit}


def _name(limit: int) -> Schema:
    """A text that must not be empty, and has a limit in AWS's own words (`.{1,63}`)."""
    return {"type": "string", "minLength": 1, "maxLength": limit}


def _texts(number: int) -> Schema:
    return _array(_text(1024), number)


def _array(items: Schema, number: int) -> Schema:
    return {"type": "array", "items": items, "maxItems": number}
