"""What Terraform made, or would make, as a flat list of resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Resource:
    """One resource of a state or a plan.

    Attributes:
        address: as Terraform names it, for example module.storage.aws_kms_key.data.
        kind: for example aws_kms_key.
        values: its attributes; in a plan, without those that are only known afterwards.
    """

    address: str
    kind: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def block(self, name: str) -> Mapping[str, Any]:
        """A nested block of which there is at most one; empty where there is none."""
        return dict((self[name] or [{}])[0])


class Finding(NamedTuple):
    """Something that should not be: which rule says so, and where."""

    rule: str
    address: str
    detail: str = ""


def resources(shown: Mapping[str, Any]) -> list[Resource]:
    """The managed resources of what `terraform show -json` prints of a state or a plan."""
    found = shown["planned_values"] if "planned_values" in shown else shown["values"]
    return list(_of_module(found["root_module"]))


def of_kind(made: Sequence[Resource], *kinds: str) -> list[Resource]:
    """Those of some kinds."""
    return [resource for resource in made if resource.kind in kinds]


def as_list(value: Any) -> list[Any]:
    """A policy, and much else in AWS, may hold one thing or a list of them."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def _of_module(module: Mapping[str, Any]) -> Iterator[Resource]:
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield Resource(resource["address"], resource["type"], resource["values"])
    for child in module.get("child_modules", []):
        yield from _of_module(child)
