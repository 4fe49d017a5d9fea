"""The parameters of an execution: what was given, checked against what the definition declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlops_kit.runner.graph import Definition


class ParameterError(ValueError):
    """A parameter that the pipeline does not take, or not so."""


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READERS: dict[str, Callable[[str], Any]] = {"String": str, "Integer": int, "Float": float, "Boolean": _truth}


def read_parameters(definition: Definition, given: Mapping[str, str]) -> dict[str, Any]:
    """All parameters of an execution, each of its declared type.

    Args:
        definition: declares names, types, defaults and allowed values.
        given: texts by name, as StartPipelineExecution takes them.

    Raises:
        ParameterError: an unknown name, a value that is not of the type or not allowed, or a value missing.
    """
    declared = {parameter["Name"]: parameter for parameter in definition.get("Parameters", [])}
    for name in given:
        if name not in declared:
            known = f"it has {', '.join(declared)}" if declared else "it has none"
            raise ParameterError(f"the pipeline has no parameter {name!r}; {known}")
    return {name: _value(parameter, given.get(name)) for name, parameter in declared.items()}


def _value(parameter: Mapping[str, Any], given: str | None) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    if given is None:
        if "DefaultValue" not in parameter:
            raise ParameterError(f"the parameter {name!r} has no default; give it a value ({kind})")
        return parameter["DefaultValue"]
    try:
        value = _READERS[kind](given)
    except (KeyError, ValueError):
        raise ParameterError(f"the parameter {name!r} is of type {kind}, and {given!r} is not") from None
    allowed = parameter.get("EnumValues")
    if allowed and value not in allowed:
        raise ParameterError(f"the parameter {name!r} is one of {', '.join(map(str, allowed))}, and not {given!r}")
    return value
