"""The model of a pipeline definition: its parameters, its steps with their branches, and what each step depends on.

The checks and the local runner read definitions through it. It takes what is not a valid definition too, so that the
checks can report what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlops_kit.definition.references import Reference, references, texts

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of a step or a parameter
PARAMETER_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
COMPLETED = "Completed"  # the Trigger of a DependsOn that names a step only
BRANCHES = {"IfSteps": True, "ElseSteps": False}


@dataclass(frozen=True)
class Finding:
    """A fault of a definition.

    Attributes:
        step: the step; "" for a fault of the definition itself.
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
    """A branch of a Condition step: `when` is the outcome of the condition for which its steps run."""

    condition: str
    when: bool


@dataclass(frozen=True)
class Dependency:
    """An entry of a step's DependsOn: the step to wait for, and the end that starts this step."""

    step: str
    trigger: str = COMPLETED


@dataclass(frozen=True)
class PlacedStep:
    """A step, and the branches that it is in, the outermost first."""

    name: str
    type: str
    body: Mapping[str, Any]
    branches: tuple[Branch, ...] = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """Its request."""
        arguments = self.body.get("Arguments")
        return arguments if isinstance(arguments, dict) else {}

    @property
    def own(self) -> dict[str, Any]:
        """Its body without the steps of its branches."""
        if self.type != "Condition":
            return dict(self.body)
        return {**self.body, "Arguments": {key: self.arguments[key] for key in self.arguments if key not in BRANCHES}}

    @property
    def output_names(self) -> list[str]:
        """The names of a processing job's outputs."""
        config = self.arguments.get("ProcessingOutputConfig", {})
        return [str(output.get("OutputName")) for output in config.get("Outputs", [])]

    @property
    def depends_on(self) -> tuple[Dependency, ...]:
        """The steps that it waits for by name."""
        return tuple(
            Dependency(str(entry.get("Step")), entry.get("Trigger", COMPLETED))
            if isinstance(entry, dict)
            else Dependency(str(entry))
            for entry in self.body.get("DependsOn", [])
        )

    @property
    def dependencies(self) -> set[str]:
        """The names of the steps that have to end before it: by data, by DependsOn, and the condition of its branch."""
        by_data = {reference.name for _, reference in references(self.own) if reference.root == "Steps"}
        by_name = {dependency.step for dependency in self.depends_on}
        return by_data | by_name | {branch.condition for branch in self.branches[-1:]}


class Definition:
    """A definition as read from JSON."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The declarations of the parameters by name."""
        return {str(parameter.get("Name")): parameter for parameter in self.body.get("Parameters") or []}

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
        """Whether it is bound to an environment: it holds no placeholder."""
        return not any("${" in text for _, text in texts(self.body))

    def references(self, step: PlacedStep) -> Iterator[tuple[str, Reference]]:
        """What a step refers to, with the places; what has no known form is left out."""
        return references(step.own)

    def property_file(self, reference: Reference) -> Mapping[str, Any] | None:
        """The declaration of the property file that a reference names; None where the step declares no such file."""
        step = self.by_name.get(reference.name)
        files = step.body.get("PropertyFiles", []) if step else []
        return next((file for file in files if file.get("PropertyFileName") == reference.property_file), None)

    def needs(self, step: PlacedStep) -> set[str]:
        """The steps that have to end before a step, of those that exist."""
        return self._needs[step.name]

    def ancestors(self, step: PlacedStep) -> set[str]:
        """The steps that have to end before a step, directly or not."""
        ancestors: set[str] = set()
        waiting = self.needs(step)
        while waiting:
            ancestors |= waiting
            waiting = set().union(*(self._needs[name] for name in waiting)) - ancestors
        return ancestors

    def cycle(self) -> list[str]:
        """Steps that wait for one another, each for the next and the last for the first; empty where there are none."""
        waiting = dict(self._needs)
        while ready := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
            for name in ready:
                del waiting[name]
        chain = [min(waiting)] if waiting else []
        while len(chain) == len(set(chain)) and chain:
            chain.append(min(waiting[chain[-1]] & waiting.keys()))
        return chain[chain.index(chain[-1]) : -1] if chain else []

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        return {step.name: step.dependencies & self.by_name.keys() for step in self.steps}


def _placed(steps: Any, branches: tuple[Branch, ...]) -> Iterator[PlacedStep]:
    for body in (body if isinstance(body, Mapping) else {} for body in steps):
        step = PlacedStep(str(body.get("Name")), str(body.get("Type")), body, branches)
        yield step
        if step.type == "Condition":
            for key, when in BRANCHES.items():
                yield from _placed(step.arguments.get(key, []), (*branches, Branch(step.name, when)))
