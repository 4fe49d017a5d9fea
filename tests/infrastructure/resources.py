"""The resources of a Terraform state or plan, as a flat list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Resource:
    """One resource of a state or a plan.

    Attributes:
        address: for example module.storage.aws_kms_key.data.
        kind: for example aws_kms_key.
        values: its attributes; in a plan, only those that are known before apply.
    """

    address: str
    kind: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def block(self, name: str) -> Mapping[str, Any]:
        """A nested block that occurs at most once; empty if it is absent."""
        return dict((self[name] or [{}])[0])


class Finding(NamedTuple):
    """A violation of a rule: the rule, the resource and details."""

    rule: str
    address: str
    detail: str = ""


def resources(shown: Mapping[str, Any]) -> list[Resource]:
    """The managed resources in the output of `terraform show -json` for a state or a plan."""
    values = shown["planned_values"] if "planned_values" in shown else shown["values"]
    return list(_of_module(values["root_module"]))


def of_kind(made: Sequence[Resource], *kinds: str) -> list[Resource]:
    """The resources of some kinds."""
    return [resource for resource in made if resource.kind in kinds]


def as_list(value: Any) -> list[Any]:
    """AWS allows a single value instead of a list in policies and elsewhere."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def _of_module(module: Mapping[str, Any]) -> Iterator[Resource]:
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield Resource(resource["address"], resource["type"], resource["values"])
    for child in module.get("child_modules", []):
        yield from _of_module(child)
