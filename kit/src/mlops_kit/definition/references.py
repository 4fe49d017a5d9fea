"""The grammar of the expressions in a pipeline definition: Get, Std:Join, Std:JsonGet, and the paths inside them.

The checks and the local runner parse expressions with it. Examples:

    {"Get": "Parameters.InputDataUri"}
    {"Get": "Execution.PipelineExecutionId"}
    {"Get": "Steps.Preprocess.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    {"Std:Join": {"On": "/", "Values": ["s3://bucket", {"Get": "Execution.PipelineExecutionId"}]}}
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "metrics[0].value"}}
    {"Std:JsonGet": {"S3Uri": "s3://bucket/evaluation.json", "Path": "metrics['mean error']"}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FUNCTIONS = ("Std:Join", "Std:JsonGet")
PROPERTY_FILES = "PropertyFiles"

Key = tuple[Literal["member", "index", "item"], str]  # a .name, an [index] or an ['item'] of a path

_KEY = re.compile(
    r"""\.(?P<member>[^.\[\]]+)|\[(?P<index>[0-9]+)\]|\[(?P<quote>["'])(?P<item>.*?)(?P=quote)\]""", re.ASCII
)
_FORMS = {"member": ".{}", "index": "[{}]", "item": "['{}']"}
_STEP = re.compile(r"(?P<name>[^.\[\]]+)(?P<path>\..+)?")


class ExpressionError(ValueError):
    """An expression that the grammar does not have.

    Args:
        problem: what is wrong, as a predicate of the place where the expression is.
        remedy: what to write.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True)
class Reference:
    """What a Get refers to: a root (Parameters, Execution or Steps), a name below it, and the keys from there."""

    root: str
    name: str
    keys: tuple[Key, ...] = ()

    def __str__(self) -> str:
        return f"{self.root}.{self.name}{self._suffix}"

    @property
    def path(self) -> str:
        """The keys as text."""
        return self._suffix.removeprefix(".")

    @property
    def property_file(self) -> str | None:
        """The name of the property file that it refers to, which may hold dots; None where it refers to a property."""
        prefix = f".{PROPERTY_FILES}."
        return self._suffix.removeprefix(prefix) if self._suffix.startswith(prefix) else None

    @property
    def _suffix(self) -> str:
        return "".join(_FORMS[kind].format(key) for kind, key in self.keys)


@dataclass(frozen=True)
class Join:
    """Std:Join: values, which may be expressions, joined by a separator."""

    separator: str
    values: list[Any]


@dataclass(frozen=True)
class JsonGet:
    """Std:JsonGet: a value of a JSON file, which is a property file or an object in S3.

    Attributes:
        path: the path of the value in the file, which may be an expression.
        property_file: the property file; None where there is an s3_uri.
        s3_uri: the object, which may be an expression; None where there is a property file.
    """

    path: Any
    property_file: Reference | None
    s3_uri: Any


def is_expression(value: Any) -> bool:
    """Whether a value is one that the execution evaluates: an object with one key, Get or the name of a function."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    key = str(next(iter(value)))
    return key == "Get" or key.startswith("Std:")


def parse_expression(expression: Mapping[str, Any]) -> Reference | Join | JsonGet:
    """Parse a value for which `is_expression` holds.

    Raises:
        ExpressionError: the grammar does not have it.
    """
    function, content = next(iter(expression.items()))
    if function == "Get":
        if reference := parse_reference(content):
            return reference
        raise ExpressionError(
            f"refers to {content!r}, which is not a reference of SageMaker's grammar",
            "write Parameters.<name>, Execution.<name> or Steps.<step>.<property>",
        )
    if function not in FUNCTIONS:
        raise ExpressionError(f"calls {function}, a function that does not exist", f"use {' or '.join(FUNCTIONS)}")
    arguments = content if isinstance(content, Mapping) else {}
    return _join(arguments) if function == "Std:Join" else _json_get(arguments)


def parse_reference(text: Any) -> Reference | None:
    """Parse the text of a Get; None where the grammar does not have it."""
    if not isinstance(text, str):
        return None
    root, _, rest = text.partition(".")
    if root in ("Parameters", "Execution"):
        return Reference(root, rest) if re.fullmatch(r"[\w-]+", rest) else None
    match = _STEP.fullmatch(rest)
    if root != "Steps" or match is None:
        return None
    try:
        reference = Reference(root, match["name"], parse_path(match["path"] or ""))
    except ExpressionError:
        return None
    return reference if str(reference) == text else None  # a reference takes no double quotes, unlike a JSON path


def parse_path(text: str) -> tuple[Key, ...]:
    """Parse a path like Outputs['train'].S3Output.S3Uri or metrics[0].value; it may begin with a dot.

    Raises:
        ExpressionError: it is not a path.
    """
    rest = text if text.startswith((".", "[")) or not text else f".{text}"
    keys: list[Key] = []
    while rest:
        match = _KEY.match(rest)
        if match is None:
            raise ExpressionError(
                f"has the path {text!r}, which cannot be read from {rest!r} on",
                "write names, [0] and ['name'], for example metrics[0].value",
            )
        if match["member"] is not None:
            keys.append(("member", match["member"]))
        elif match["index"] is not None:
            keys.append(("index", match["index"]))
        else:
            keys.append(("item", match["item"]))
        rest = rest[match.end() :]
    return tuple(keys)


def expressions(value: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each expression in a value, and in the expressions themselves, with its place."""
    if isinstance(value, Mapping):
        if is_expression(value):
            yield path, value
        for key, inner in value.items():
            yield from expressions(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from expressions(inner, f"{path}[{index}]")


def references(value: Any, path: str = "") -> Iterator[tuple[str, Reference]]:
    """Each reference in a value, and in its expressions, with its place; what has no known form is left out."""
    for place, expression in expressions(value, path):
        if reference := parse_reference(expression.get("Get")):
            yield place, reference


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a value, with its place."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def _join(arguments: Mapping[str, Any]) -> Join:
    separator, values = arguments.get("On"), arguments.get("Values")
    if not isinstance(separator, str) or not isinstance(values, list):
        raise ExpressionError("joins no list of values", "give Std:Join a text On and a list Values")
    return Join(separator, values)


def _json_get(arguments: Mapping[str, Any]) -> JsonGet:
    path = arguments.get("Path")
    if not (is_expression(path) or (isinstance(path, str) and path)):
        raise ExpressionError("reads a JSON file without a Path", "give the path of the value")
    if isinstance(path, str):
        parse_path(path)
    if arguments.get("S3Uri"):
        return JsonGet(path, None, arguments["S3Uri"])
    file = arguments.get("PropertyFile")
    if not file:
        raise ExpressionError("reads no JSON file", "give a PropertyFile or an S3Uri")
    reference = parse_reference(file.get("Get")) if isinstance(file, Mapping) else None
    if reference is None or reference.property_file is None:
        raise ExpressionError(
            f"names no property file of a step: {file!r}", "write Steps.<step>.PropertyFiles.<property file>"
        )
    return JsonGet(path, reference, None)
