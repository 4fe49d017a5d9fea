"""A definition as the rules look at it: its parameters, its steps with their branch, and what refers to what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

EXPRESSIONS = ("Get", "Std:Join", "Std:JsonGet")

_KEY = re.compile(r"\.(?P<member>[A-Za-z]\w*)|\[(?P<index>\d+)\]|\['(?P<item>[^']+)'\]")


@dataclass(frozen=True)
class Finding:
    """A fault of a definition.

    Attributes:
        step: the step, or "" where it is the definition's own.
        path: the place inside.
        problem: what is wrong there.
        remedy: what to do.
    """

    step: str
    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.step, self.path) if part)
        return f"{where} {self.problem}; {self.remedy}"


@dataclass(frozen=True)
class Branch:
    """The branch of a Condition step that another step stands in."""

    condition: str
    taken: bool


@dataclass(frozen=True)
class PlacedStep:
    """A step, and the branches that it stands in, the outermost first."""

    name: str
    type: str
    body: Mapping[str, Any]
    branches: tuple[Branch, ...] = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """Its request."""
        found = self.body.get("Arguments")
        return found if isinstance(found, dict) else {}

    @property
    def own(self) -> dict[str, Any]:
        """The step without the steps of its branches."""
        kept = {key: value for key, value in self.arguments.items() if key not in ("IfSteps", "ElseSteps")}
        return {**self.body, "Arguments": kept}

    @property
    def output_names(self) -> list[str]:
        """The outputs of a processing job."""
        config = self.arguments.get("ProcessingOutputConfig", {})
        return [str(output.get("OutputName")) for output in config.get("Outputs", [])]

    @property
    def depends_on(self) -> list[str]:
        """The steps that it waits for by name."""
        entries = self.body.get("DependsOn", [])
        return [str(entry["Step"] if isinstance(entry, dict) else entry) for entry in entries]


@dataclass(frozen=True)
class Reference:
    """What a Get names: a root (Parameters, Execution or Steps), a name below it, and keys from there.

    A key is a pair: ("member", name), ("index", number) or ("item", name in brackets).
    """

    root: str
    name: str
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """The keys as they are written."""
        forms = {"member": ".{}", "index": "[{}]", "item": "['{}']"}
        return "".join(forms[kind].format(key) for kind, key in self.keys).lstrip(".")


def parse_reference(text: Any) -> Reference | None:
    """Take a Get apart; None where it has no form that SageMaker knows."""
    if not isinstance(text, str):
        return None
    root, _, rest = text.partition(".")
    if root in ("Parameters", "Execution"):
        return Reference(root, rest) if re.fullmatch(r"[\w-]+", rest) else None
    name, dot, path = rest.partition(".")
    keys = tuple((str(key.lastgroup), key[str(key.lastgroup)]) for key in _KEY.finditer(dot + path))
    found = Reference(root, name, keys)
    return found if root == "Steps" and name and found.path == path else None


def is_expression(value: Any) -> bool:
    """Whether a value is one that the execution fills in."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in EXPRESSIONS


def expressions(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Each expression in a value, and in the expressions themselves: its place, its kind and its content."""
    if isinstance(value, dict):
        if is_expression(value):
            kind, content = next(iter(value.items()))
            yield path, kind, content
        for key, inner in value.items():
            yield from expressions(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from expressions(inner, f"{path}[{index}]")


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each text in a value, and its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


class Definition:
    """A definition as read from JSON."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The parameters by name."""
        return {str(parameter.get("Name")): parameter for parameter in self.body.get("Parameters", [])}

    @cached_property
    def steps(self) -> list[PlacedStep]:
        """All steps, those of branches behind their condition."""
        return list(_placed(self.body.get("Steps", []), ()))

    @cached_property
    def by_name(self) -> dict[str, PlacedStep]:
        """The steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def is_bound(self) -> bool:
        """Whether it is bound to an environment: no placeholder is left to fill."""
        return not any("${" in text for _, text in texts(self.body, ""))

    def references(self, step: PlacedStep) -> Iterator[tuple[str, Reference]]:
        """What a step refers to, with the place; what has no known form is left out."""
        for path, kind, content in expressions(step.own, ""):
            if kind == "Get" and (found := parse_reference(content)):
                yield path, found

    def needs(self, step: PlacedStep) -> set[str]:
        """The steps that have to end before a step, as far as they exist."""
        by_data = {reference.name for _, reference in self.references(step) if reference.root == "Steps"}
        own_conditions = {branch.condition for branch in step.branches[-1:]}
        return (by_data | set(step.depends_on) | own_conditions) & self.by_name.keys()

    def ancestors(self, step: PlacedStep) -> set[str]:
        """The steps that have to end before a step, and before those."""
        found: set[str] = set()
        waiting = self.needs(step)
        while waiting:
            found |= waiting
            waiting = {name for each in waiting for name in self.needs(self.by_name[each])} - found
        return found


def _placed(steps: Any, branches: tuple[Branch, ...]) -> Iterator[PlacedStep]:
    for body in steps:
        step = PlacedStep(str(body.get("Name")), str(body.get("Type")), body, branches)
        yield step
        for key, taken in (("IfSteps", True), ("ElseSteps", False)):
            yield from _placed(step.arguments.get(key, []), (*branches, Branch(step.name, taken)))
