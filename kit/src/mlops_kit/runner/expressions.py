"""Work out the expressions of a pipeline definition: Get, Std:Join and Std:JsonGet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.runner.failures import StepFailedError, client_error

Expression = Any  # JSON: a plain value, or an object with the one key Get, Std:Join or Std:JsonGet somewhere in it

_PART = re.compile(r"""\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<quote>["'])(?P<key>.*?)(?P=quote)\]""")


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to.

    Attributes:
        parameters: the execution's parameters.
        execution: facts about the execution, by the names of the SDK's ExecutionVariables.
        results: what each finished step made, shaped like the API's Describe answer.
        property_file: reads a property file, by the step's name and the file's.
        document: reads a JSON document, by its S3 URI.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    results: Mapping[str, Any]
    property_file: Callable[[str, str], Any]
    document: Callable[[str], Any]


def resolve(expression: Expression, scope: Scope) -> Any:
    """The value of an expression, with every expression inside it worked out.

    Raises:
        StepFailedError: it refers to something that is not there.
    """
    if isinstance(expression, list):
        return [resolve(inner, scope) for inner in expression]
    if not isinstance(expression, dict):
        return expression
    match list(expression):
        case ["Get"]:
            return _get(expression["Get"], scope)
        case ["Std:Join"]:
            join = expression["Std:Join"]
            return join["On"].join(as_text(resolve(value, scope)) for value in join["Values"])
        case ["Std:JsonGet"]:
            return _json_get(expression["Std:JsonGet"], scope)
    return {key: resolve(inner, scope) for key, inner in expression.items()}


def references(expression: Expression) -> list[str]:
    """All that an expression gets, as it is written: `Parameters.X`, `Steps.Train.ModelArtifacts.S3ModelArtifacts`."""
    if isinstance(expression, list):
        return [found for inner in expression for found in references(inner)]
    if not isinstance(expression, dict):
        return []
    if list(expression) == ["Get"]:
        return [expression["Get"]]
    return [found for inner in expression.values() for found in references(inner)]


def plain(described: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of boto3 as JSON has it: times become text."""
    content: dict[str, Any] = json.loads(json.dumps(described, default=lambda time: time.isoformat()))
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

    In a list of named things, `['train']` is the one that holds train as one of its names.

    Raises:
        StepFailedError: the path cannot be read, or does not lead anywhere.
    """
    for name in path_parts(path):
        try:
            value = _step_into(value, name)
        except (KeyError, IndexError, TypeError, StopIteration):
            raise client_error(f"there is no {path}: {_holds(value)}, and {name!r} is not there") from None
    return value


def path_parts(path: str) -> list[str | int]:
    """The names and list positions of a path.

    Raises:
        StepFailedError: the path cannot be read.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None or match.end() == position:
            raise client_error(f"the path {path!r} cannot be read from {path[position:]!r} on")
        parts.append(int(match["index"]) if match["index"] else match["name"] or match["key"] or "")
        position = match.end()
    return parts


def _step_into(value: Any, name: str | int) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(name, str):
        return next(item for item in value if _is_called(item, name))
    return value[name]


def _is_called(item: Any, name: str) -> bool:
    """Whether a thing in a list goes by a name: OutputName, ChannelName, MetricName and so on."""
    return isinstance(item, Mapping) and any(key.endswith("Name") and held == name for key, held in item.items())


def _holds(value: Any) -> str:
    if isinstance(value, Mapping):
        return "among " + ", ".join(map(str, value)) if value else "among nothing"
    return f"in {json.dumps(value, default=str)[:100]}"


def _get(reference: str, scope: Scope) -> Any:
    root, _, rest = reference.partition(".")
    if root in ("Parameters", "Execution"):
        known = scope.parameters if root == "Parameters" else scope.execution
        if rest not in known:
            raise client_error(f"there is no {reference}; there are {', '.join(known)}")
        return known[rest]
    step, *_ = re.split(r"[.\[]", rest, maxsplit=1)
    if root != "Steps" or step not in scope.results:
        raise client_error(f"{reference} refers to nothing that is there")
    try:
        return walk(scope.results[step], rest[len(step) :].removeprefix("."))
    except StepFailedError as error:
        raise client_error(f"{reference}: {error.reason.removeprefix('ClientError: ')}") from None


def _json_get(expression: Mapping[str, Any], scope: Scope) -> Any:
    path = resolve(expression["Path"], scope)
    if "S3Uri" in expression:
        place = resolve(expression["S3Uri"], scope)
        document = scope.document(place)
    else:
        place = expression["PropertyFile"]["Get"] if isinstance(expression["PropertyFile"], dict) else ""
        match = re.fullmatch(r"Steps\.([^.]+)\.PropertyFiles\.(.+)", place)
        if match is None:
            raise client_error(f"Std:JsonGet names no property file of a step: {expression['PropertyFile']}")
        document = scope.property_file(match[1], match[2])
    try:
        return walk(document, path)
    except StepFailedError as error:
        raise client_error(f"{place}: {error.reason.removeprefix('ClientError: ')}") from None
