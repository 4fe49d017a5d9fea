"""The parameters of an execution, checked against the declarations of the definition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mlops_kit.definition.model import Definition


class ParameterError(ValueError):
    """A parameter that the pipeline does not have, or a value that it does not take."""


MAX_VALUE = 1024  # characters of a value in a request

# The forms of numbers; Python's own parsers also take 1_000, spaces, other scripts' digits, nan and inf.
INTEGER = re.compile(r"[-+]?[0-9]+")
FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


def _integer(text: str) -> int:
    if not INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    if not FLOAT.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


PARSERS: dict[str, Callable[[str], Any]] = {"String": str, "Integer": _integer, "Float": _float, "Boolean": _boolean}


def read_parameters(body: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """All parameters of an execution, each of its declared type.

    Args:
        body: the definition; it declares names, types, defaults and allowed values.
        texts: values by name, as StartPipelineExecution takes them.

    Raises:
        ParameterError: an unknown name, a value of another type or one that is not allowed, or a missing value.
    """
    declared = Definition(body).parameters
    for name in texts:
        if name not in declared:
            known = f"it has {', '.join(declared)}" if declared else "it has none"
            raise ParameterError(f"the pipeline has no parameter {name!r}; {known}")
    return {name: _value(name, parameter, texts.get(name)) for name, parameter in declared.items()}


def _value(name: str, parameter: Mapping[str, Any], text: str | None) -> Any:
    kind = parameter.get("Type")
    if text is None:
        if parameter.get("DefaultValue") is None:
            raise ParameterError(f"the parameter {name!r} has no default; give it a value ({kind})")
        return parameter["DefaultValue"]
    if not 1 <= len(text) <= MAX_VALUE:
        raise ParameterError(
            f"the value of the parameter {name!r} has {len(text)} characters; give it 1 to {MAX_VALUE}, or leave the "
            "parameter out"
        )
    try:
        value = PARSERS[str(kind)](text)
    except (KeyError, ValueError):
        raise ParameterError(f"the parameter {name!r} is of type {kind}, and {text!r} is not") from None
    allowed = parameter.get("EnumValues")
    if allowed and value not in allowed:
        raise ParameterError(f"the parameter {name!r} is one of {', '.join(map(str, allowed))}, and not {text!r}")
    return value
