"""Requests: the arguments of each step have the keys, types and limits of the API's request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from botocore.model import Shape

from mlops_kit.aws.environment import LISTS, PLACEHOLDER
from mlops_kit.checks import api_shapes
from mlops_kit.checks.constraints import shown
from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import ExpressionError, Join, Key, is_expression, parse_expression, parse_reference

Place = tuple[str, str, str]  # a path, the problem there, the remedy
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
}
TYPE_NAMES = {"string": "a text", "integer": "an integer", "long": "an integer", "float": "a number"}
TYPE_NAMES |= {"double": "a number", "boolean": "a Boolean", "structure": "an object", "list": "a list", "map": "a map"}
# The types of the API that an expression of a type fits.
FITTING = {
    "String": ("string",),
    "Integer": ("integer", "long", "float", "double"),
    "Float": ("float", "double"),
    "Boolean": ("boolean",),
}
KINDS = {"string": "String", "integer": "Integer", "long": "Integer", "float": "Float", "double": "Float"}
KINDS |= {"boolean": "Boolean", "timestamp": "String"}


def check(definition: Definition) -> Iterator[Finding]:
    """Compare the arguments of each step with the API's request."""
    for step in definition.steps:
        if step.type in api_shapes.OPERATIONS:
            generated = api_shapes.OPERATIONS[step.type].generated
            walk = _Walk(definition, generated)
            for path, problem, remedy in walk.faults(step.arguments, api_shapes.request_shape(step.type), "Arguments"):
                yield Finding(step.name, path, problem, remedy)
            yield from _superfluous_keys(step, generated)


def _superfluous_keys(step: PlacedStep, generated: str) -> Iterator[Finding]:
    if generated in step.arguments and step.type != "Model":
        remedy = "remove it: a name can be used only once, so the second execution would fail"
        yield Finding(step.name, f"Arguments.{generated}", "fixes a name that SageMaker generates", remedy)
    if step.type == "RegisterModel" and {"Tags", "ModelPackageGroupName"} <= step.arguments.keys():
        remedy = "remove them: a version has the tags of its group, and the API refuses others"
        yield Finding(step.name, "Arguments.Tags", "are set on a version of a model package group", remedy)


def kind_of(definition: Definition, value: Mapping[str, Any]) -> str | None:
    """The type of an expression's value: String, Integer, Float, Boolean or Object; None if it is not known."""
    if "Std:Join" in value:
        return "String"
    reference = parse_reference(value.get("Get"))
    if reference is None:
        return None
    if reference.root == "Execution":
        return "String"
    if reference.root == "Parameters":
        return definition.parameters.get(reference.name, {}).get("Type")
    return _property_kind(definition, reference.name, reference.keys)


def _property_kind(definition: Definition, name: str, keys: tuple[Key, ...]) -> str | None:
    step = definition.by_name.get(name)
    if step is None:
        return None
    for output in step.body.get("OutputParameters", []):
        if keys == (("member", "OutputParameters"), ("item", output.get("OutputName"))):
            return str(output.get("OutputType"))
    if step.type not in api_shapes.OPERATIONS:
        return None
    followed = (api_shapes.follow(shape, keys) for shape in api_shapes.response_shapes(step.type))
    shape = next(filter(None, followed), None)
    return KINDS.get(shape.type_name, "Object") if shape else None


@dataclass(frozen=True)
class _Walk:
    """A walk through a request and its shape side by side."""

    definition: Definition
    generated: str

    def faults(self, value: Any, shape: Shape, path: str) -> Iterator[Place]:
        """What is wrong with a value."""
        if is_expression(value):
            yield from self._expression(value, shape, path)
        elif not _is(value, shape):
            yield path, f"is {shown(value)}", f"the API expects {TYPE_NAMES.get(shape.type_name, shape.type_name)}"
        elif shape.type_name == "structure":
            yield from self._structure(value, shape, path)
        elif shape.type_name == "list":
            yield from _size(value, shape, path, "elements")
            for index, element in enumerate(value):
                yield from self.faults(element, shape.member, f"{path}[{index}]")
        elif shape.type_name == "map":
            yield from self._map(value, shape, path)
        else:
            yield from scalar_faults(value, shape, path)

    def _structure(self, value: dict[str, Any], shape: Shape, path: str) -> Iterator[Place]:
        for key, inner in value.items():
            if key in shape.members:
                yield from self.faults(inner, shape.members[key], f"{path}.{key}")
            else:
                near = get_close_matches(key, shape.members, n=1)
                hint = f"write {near[0]}" if near else f"it may be {', '.join(shape.members)}"
                yield f"{path}.{key}", "is not a key of the API's request", hint
        for key in shape.required_members:
            if key not in value and key != self.generated:
                yield path, f"lacks {key}", "add it: the API requires it"

    def _map(self, value: dict[str, Any], shape: Shape, path: str) -> Iterator[Place]:
        yield from _size(value, shape, path, "entries")
        for key, inner in value.items():
            for _, problem, remedy in scalar_faults(key, shape.key, path):
                yield f"{path}.{key}", f"has a key that {problem}", remedy
            yield from self.faults(inner, shape.value, f"{path}.{key}")

    def _expression(self, value: dict[str, Any], shape: Shape, path: str) -> Iterator[Place]:
        """The value of an expression must have the shape's type, and a parameter's default must be valid."""
        kind = kind_of(self.definition, value)
        fitting = FITTING.get(kind or "")
        if kind == "Object" and shape.type_name in FITTING["String"]:
            yield path, "refers to an object", "the API expects a text: refer to one of its members"
        elif fitting and shape.type_name not in fitting:
            expected = TYPE_NAMES.get(shape.type_name, shape.type_name)
            remedy = "convert it to a text: .to_string()" if shape.type_name == "string" else f"refer to {expected}"
            yield path, f"refers to {_article(kind)} where the API expects {expected}", remedy
        elif "Std:Join" in value:
            yield from _join(value, shape, path)
        elif (reference := parse_reference(value.get("Get"))) and reference.root == "Parameters":
            default = self.definition.parameters.get(reference.name, {}).get("DefaultValue")
            if default is not None:
                for _, problem, remedy in scalar_faults(default, shape, path):
                    yield f"Parameters.{reference.name}", f"has a default that {problem} (used in {path})", remedy


def _is(value: Any, shape: Shape) -> bool:
    """Whether a value is of the type of a shape; in Python, a Boolean is an integer too."""
    if isinstance(value, bool):
        return bool(shape.type_name == "boolean")
    return isinstance(value, TYPES.get(shape.type_name, (object,)))


def _join(expression: Mapping[str, Any], shape: Shape, path: str) -> Iterator[Place]:
    """A join must begin as the API's pattern requires; the rest is known only when it runs."""
    try:
        join = parse_expression(expression)
    except ExpressionError:
        return  # the rules for references report it
    first = join.values[0] if isinstance(join, Join) and join.values else None
    if isinstance(join, Join) and isinstance(first, str) and not PLACEHOLDER.search(first):
        text = join.separator.join(value if isinstance(value, str) else "x" for value in join.values)
        pattern = api_shapes.pattern(shape.metadata.get("pattern", ".*"))
        if pattern and not pattern.fullmatch(text):
            yield path, f"joins to a text like {shown(text)}", f"it must match {shape.metadata['pattern']}"


def scalar_faults(value: Any, shape: Shape, path: str) -> Iterator[Place]:
    """What is wrong with a text or a number; a text with a placeholder passes, since its final value is not known."""
    limits, choices = api_shapes.metadata(shape), getattr(shape, "enum", None)
    if isinstance(value, str):
        if PLACEHOLDER.search(value):
            return
        if choices and value not in choices:
            yield path, f"is {shown(value)}", _nearest(value, choices)
            return
        yield from _size(value, shape, path, "characters")
        pattern = api_shapes.pattern(limits.get("pattern", ".*"))
        if "pattern" in limits and pattern and not pattern.fullmatch(value):
            yield path, f"is {shown(value)}", f"it must match {limits['pattern']}"
    elif not isinstance(value, bool) and not limits.get("min", -math.inf) <= value <= limits.get("max", math.inf):
        yield path, f"is {value}", f"it must be {_range(limits)}"


def _nearest(value: str, choices: list[str]) -> str:
    """The words of the API, or some of them."""
    if len(choices) <= 8:
        return f"it may be {', '.join(choices)}"
    return f"it may be {', '.join(get_close_matches(value, choices) or choices[:3])}, or one of {len(choices)} in all"


def _size(value: Any, shape: Shape, path: str, of: str) -> Iterator[Place]:
    limits = api_shapes.metadata(shape)
    matches = [PLACEHOLDER.fullmatch(element) for element in value if isinstance(element, str)]
    is_bound_later = isinstance(value, list) and any(match and match[1] in LISTS for match in matches)
    if not is_bound_later and not limits.get("min", 0) <= len(value) <= limits.get("max", math.inf):
        yield path, f"has {len(value)} {of}", f"their number must be {_range(limits)}"


def _range(limits: Mapping[str, Any]) -> str:
    low, high = limits.get("min", 0), limits.get("max")
    return f"at least {low}" if high is None else f"between {low} and {high}"


def _article(kind: str | None) -> str:
    return f"an {kind}" if kind in ("Integer", "Object") else f"a {kind}"
