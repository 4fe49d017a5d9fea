"""The steps that an execution runs, and the faults of a definition for which it cannot start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_kit.checks.caching import duration_faults
from mlops_kit.definition.model import COMPLETED, NAME, Branch, Definition, Finding, PlacedStep

RUNNABLE_TYPES = (
    "Processing",
    "Training",
    "Tuning",
    "Transform",
    "QualityCheck",
    "Model",
    "RegisterModel",
    "Lambda",
    "Condition",
    "Fail",
)


class DefinitionError(Exception):
    """A definition that the local cloud cannot run; the message lists what prevents it, with the steps."""


@dataclass(frozen=True)
class Node:
    """A step as an execution runs it.

    Attributes:
        definition: its JSON.
        needs: the steps that have to end first, in the definition's order.
        branch: the branch of a condition that it is in; None outside.
    """

    name: str
    type: str
    definition: Mapping[str, Any]
    needs: tuple[str, ...]
    branch: Branch | None


def read_graph(body: Mapping[str, Any]) -> tuple[Node, ...]:
    """All steps of a definition, those inside conditions behind their condition.

    Raises:
        DefinitionError: the local cloud cannot run it.
    """
    definition = Definition(body)
    if faults := list(graph_faults(definition)):
        raise DefinitionError("; ".join(map(str, faults)))
    return tuple(
        Node(
            step.name,
            step.type,
            step.body,
            tuple(name for name in definition.by_name if name in definition.needs(step)),
            step.branches[-1] if step.branches else None,
        )
        for step in definition.steps
    )


def graph_faults(definition: Definition) -> Iterator[Finding]:
    """Everything for which an execution cannot start."""
    yield from _name_faults(definition)
    for step in definition.steps:
        if step.type not in RUNNABLE_TYPES:
            remedy = f"it runs {', '.join(RUNNABLE_TYPES)}"
            yield Finding(step.name, "Type", f"is {step.type}, which the local cloud cannot run", remedy)
        yield from _dependency_faults(definition, step)
        if step.body.get("CacheConfig", {}).get("Enabled") and step.body["CacheConfig"].get("ExpireAfter") is not None:
            yield from duration_faults(step)
    if cycle := definition.cycle():
        chain = " waits for ".join([*cycle, cycle[0]])
        yield Finding("", "Steps", f"wait for one another: {chain}", "remove a reference or a DependsOn")


def _name_faults(definition: Definition) -> Iterator[Finding]:
    earlier: dict[str, str] = {}  # a step's folder has its name, and some file systems ignore case
    for step in definition.steps:
        name = step.name
        if not NAME.fullmatch(name):
            yield Finding("", "Steps", f"have one called {name!r}", "use up to 64 letters, digits, - and _")
        elif other := earlier.get(name.lower()):
            also = "" if name == other else f" and {other}"
            yield Finding("", "Steps", f"have two called {name}{also}", "use names that differ by more than case")
        earlier[name.lower()] = name


def _dependency_faults(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    for name in sorted(step.dependencies - definition.by_name.keys()):
        yield Finding(step.name, "", f"needs {name}, which does not exist", "correct the name")
    for dependency in step.depends_on:
        if dependency.trigger != COMPLETED:
            problem = f"starts when {dependency.step} ends as {dependency.trigger}"
            remedy = "the local cloud starts a step only after the steps that it needs have succeeded"
            yield Finding(step.name, "DependsOn", problem, remedy)
