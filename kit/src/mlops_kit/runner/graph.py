"""The steps of a pipeline definition, and what has to end before each may start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.runner.expressions import references

Definition = Mapping[str, Any]

KNOWN_TYPES = (
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


STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # a step's folder has this name too


class DefinitionError(Exception):
    """A definition that cannot be run here; the message says which step and why."""


@dataclass(frozen=True)
class Branch:
    """Where a step stands that runs only if a condition came out one way."""

    condition: str
    when: bool


@dataclass(frozen=True)
class Node:
    """A step as the definition has it.

    Attributes:
        definition: its JSON.
        needs: the steps that have to end first, in the definition's order.
        branch: the condition that decides whether it runs.
    """

    name: str
    type: str
    definition: Mapping[str, Any]
    needs: tuple[str, ...]
    branch: Branch | None


def read_graph(definition: Definition) -> tuple[Node, ...]:
    """All steps of a definition, those inside conditions behind their condition.

    Raises:
        DefinitionError: local mode cannot run it.
    """
    placed = list(_placed(definition["Steps"], None))
    names = [step["Name"] for step, _ in placed]
    _refuse_names(names)
    nodes = tuple(_node(step, branch, names) for step, branch in placed)
    _refuse_unknown_types(nodes)
    _refuse_circles(nodes)
    return nodes


def _placed(
    steps: Sequence[Mapping[str, Any]], branch: Branch | None
) -> Iterator[tuple[Mapping[str, Any], Branch | None]]:
    for step in steps:
        yield step, branch
        if step["Type"] == "Condition":
            for key, when in (("IfSteps", True), ("ElseSteps", False)):
                yield from _placed(step["Arguments"].get(key, []), Branch(step["Name"], when))


def _node(step: Mapping[str, Any], branch: Branch | None, names: Sequence[str]) -> Node:
    needed = {branch.condition} if branch else set()
    needed |= {_dependency(entry, step["Name"]) for entry in step.get("DependsOn", [])}
    # the steps inside a condition are nodes of their own
    own = {**step, "Arguments": step["Arguments"].get("Conditions")} if step["Type"] == "Condition" else step
    for reference in references(own):
        root, _, rest = reference.partition(".")
        if root == "Steps":
            needed.add(rest.partition(".")[0])
    for name in sorted(needed):
        if name not in names:
            raise DefinitionError(f"{step['Name']} needs {name}, and there is no such step")
    return Node(step["Name"], step["Type"], step, tuple(name for name in names if name in needed), branch)


def _dependency(entry: str | Mapping[str, str], name: str) -> str:
    if isinstance(entry, str):
        return entry
    if entry.get("Trigger", "Completed") != "Completed":
        raise DefinitionError(
            f"{name} is to run when {entry['Step']} ends as {entry['Trigger']}; "
            "local mode starts a step only after the ones it needs have succeeded"
        )
    return entry["Step"]


def _refuse_names(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}  # not every file system tells upper case from lower
    for name in names:
        if not STEP_NAME.fullmatch(name):
            raise DefinitionError(f"a step is called {name!r}; a name is up to 64 letters, digits, - and _")
        if name.lower() in seen:
            other = seen[name.lower()]
            also = "" if name == other else f" and {other}: local mode needs names that differ by more than case"
            raise DefinitionError(f"two steps are called {name}{also}")
        seen[name.lower()] = name


def _refuse_unknown_types(nodes: Sequence[Node]) -> None:
    unknown = [f"{node.name} ({node.type})" for node in nodes if node.type not in KNOWN_TYPES]
    if unknown:
        raise DefinitionError(f"local mode cannot run {', '.join(unknown)}; it knows {', '.join(KNOWN_TYPES)}")


def _refuse_circles(nodes: Sequence[Node]) -> None:
    left = {node.name: set(node.needs) for node in nodes}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    if left:
        raise DefinitionError(f"each of these steps waits for another of them: {', '.join(left)}")
