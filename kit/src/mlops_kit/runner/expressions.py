"""Evaluate the expressions of a pipeline definition; their grammar is in mlops_kit.definition.references."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.definition.references import (
    ExpressionError,
    Join,
    JsonGet,
    Reference,
    is_expression,
    parse_expression,
    parse_path,
)
from mlops_kit.runner.failures import StepFailedError, client_error


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to.

    Attributes:
        parameters: the execution's parameters.
        execution: facts about the execution, by the names of the SDK's ExecutionVariables.
        results: the result of each finished step, shaped like the API's Describe response.
        property_file: reads a property file, by the names of the step and the file.
        document: reads a JSON document, by its S3 URI.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    results: Mapping[str, Any]
    property_file: Callable[[str, str], Any]
    document: Callable[[str], Any]


def resolve(value: Any, scope: Scope) -> Any:
    """A value in which every expression is replaced by its result.

    Raises:
        StepFailedError: an expression refers to something that does not exist.
    """
    if isinstance(value, list):
        return [resolve(inner, scope) for inner in value]
    if not isinstance(value, dict):
        return value
    if not is_expression(value):
        return {key: resolve(inner, scope) for key, inner in value.items()}
    try:
        expression = parse_expression(value)
    except ExpressionError as error:
        raise client_error(f"an expression {error}") from None
    match expression:
        case Reference():
            return _get(expression, scope)
        case Join(separator, values):
            return separator.join(as_text(resolve(inner, scope)) for inner in values)
        case JsonGet():
            return _json_get(expression, scope)


def plain(response: Mapping[str, Any]) -> dict[str, Any]:
    """A response of boto3 as JSON has it: times become text."""
    content: dict[str, Any] = json.loads(json.dumps(response, default=lambda time: time.isoformat()))
    return content


def as_text(value: Any) -> str:
    """A value as Std:Join writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list | dict):
        return json.dumps(value)
    return str(value)


def walk(value: Any, path: str) -> Any:
    """Follow a path like `Outputs['train'].S3Output.S3Uri` or `metrics[0].value` into a value.

    In a list of named elements, `['train']` is the element that has train as one of its names.

    Raises:
        StepFailedError: the path is not one, or does not lead anywhere.
    """
    try:
        keys = parse_path(path)
    except ExpressionError as error:
        raise client_error(f"an expression {error}") from None
    for kind, key in keys:
        name = int(key) if kind == "index" else key
        try:
            value = _step_into(value, name)
        except (KeyError, IndexError, TypeError, StopIteration):
            raise client_error(f"there is no {path}: {_contents(value)}, and {name!r} does not exist") from None
    return value


def _step_into(value: Any, name: str | int) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(name, str):
        return next(element for element in value if _has_name(element, name))
    return value[name]


def _has_name(element: Any, name: str) -> bool:
    """Whether an element of a list has a name: its OutputName, ChannelName, MetricName and so on."""
    return isinstance(element, Mapping) and any(key.endswith("Name") and element[key] == name for key in element)


def _contents(value: Any) -> str:
    if isinstance(value, Mapping):
        return "among " + ", ".join(map(str, value)) if value else "among nothing"
    return f"in {json.dumps(value, default=str)[:100]}"


def _get(reference: Reference, scope: Scope) -> Any:
    if reference.root in ("Parameters", "Execution"):
        known = scope.parameters if reference.root == "Parameters" else scope.execution
        if reference.name not in known:
            raise client_error(f"there is no {reference}; there are {', '.join(known)}")
        return known[reference.name]
    if reference.name not in scope.results:
        raise client_error(f"{reference} refers to nothing that exists")
    return _value(scope.results[reference.name], reference.path, str(reference))


def _json_get(expression: JsonGet, scope: Scope) -> Any:
    path = resolve(expression.path, scope)
    if (file := expression.property_file) is not None:
        return _value(scope.property_file(file.name, file.property_file or ""), path, str(file))
    uri = resolve(expression.s3_uri, scope)
    return _value(scope.document(uri), path, uri)


def _value(document: Any, path: str, source: str) -> Any:
    """The value at a path; a failure names the source of the document."""
    try:
        return walk(document, path)
    except StepFailedError as error:
        raise client_error(f"{source}: {error.reason.removeprefix('ClientError: ')}") from None
