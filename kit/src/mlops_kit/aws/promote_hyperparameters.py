"""Write the winning hyperparameters of a tuning job into config/hyperparameters.yaml, for the pipeline `training`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from mlops_jobs.errors import UserError
from mlops_kit.aws import registry
from mlops_kit.aws.environment import Environment
from mlops_kit.config.reader import ConfigSection
from mlops_kit.project import open_project

PREFIX = "hp_"  # of a tuned hyperparameter's name in the metadata of a model package

Values = Mapping[str, int | float]


def adopt_hyperparameters(
    environment: Environment, root: Path, version: int | None = None
) -> dict[str, tuple[int | float, int | float]]:
    """Write the tuned hyperparameters of a version into the project's config; comments and other keys stay.

    Args:
        environment: whose registry has the model.
        root: the project's folder.
        version: None for the latest approved one that was tuned.

    Returns:
        The old and the new value of each that changed.

    Raises:
        UserError: there is no such version, it was not tuned, or the config has no such hyperparameter.
    """
    package = _tuned(environment, version)
    path = open_project(root).config / "hyperparameters.yaml"
    before = _numbers(path, root)
    winners = winners_of(package, {name: type(value) for name, value in before.items()})
    changed = {name: value for name, value in winners.items() if before[name] != value}
    if changed:
        text = path.read_bytes().decode("utf-8")
        written = replaced(text, changed)
        if yaml.safe_load(written) != {**yaml.safe_load(text), **changed}:
            raise UserError(f"{path}: is not written as one `name: value` a line; set by hand: {_as_lines(changed)}")
        path.write_bytes(written.encode("utf-8"))
    return {name: (before[name], value) for name, value in changed.items()}


def winners_of(package: registry.ModelPackage, types: Mapping[str, type]) -> dict[str, int | float]:
    """The tuned hyperparameters of a version, as numbers of their types.

    Raises:
        UserError: it has none, or one that the config does not have.
    """
    tuned = {name.removeprefix(PREFIX): text for name, text in package.metadata.items() if name.startswith(PREFIX)}
    if not tuned:
        raise UserError(
            f"version {package.version} comes from {package.kind or 'elsewhere'}: it has no tuned hyperparameters"
        )
    if unknown := sorted(tuned.keys() - types):
        raise UserError(
            f"version {package.version} was tuned in {unknown[0]}, which config/hyperparameters.yaml lacks; it has "
            f"{', '.join(types)}"
        )
    return {
        name: _number(text, types[name], f"{PREFIX}{name} of version {package.version}") for name, text in tuned.items()
    }


def replaced(text: str, values: Values) -> str:
    """A YAML text of `name: value` lines with other values; the rest of each line stays the same."""
    for name, value in values.items():
        line = re.compile(rf"^({re.escape(name)}[ \t]*:[ \t]*)[^\s#]+", re.MULTILINE)
        text = line.sub(rf"\g<1>{_yaml(value)}", text, count=1)
    return text


def _tuned(environment: Environment, version: int | None) -> registry.ModelPackage:
    if version is not None:
        return registry.find(environment, version)
    for package in registry.versions(environment, registry.APPROVED):
        if package.kind == registry.TUNED:
            return package
    raise UserError(
        f"{environment.model_package_group} has no approved version from {registry.TUNED}; approve one: "
        f"mlops approve --env {environment.name} --comment ... --evidence ..., or name a version with --version"
    )


def _numbers(path: Path, root: Path) -> dict[str, int | float]:
    """The hyperparameters in the config; one that is an int takes whole numbers only."""
    section = ConfigSection.of_file(path, root)
    values = {name: section.take(name) for name in section.names}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise section.refusal(name, value, "a number, for example 0.1")
    return values


def _number(text: str, kind: type, where: str) -> int | float:
    try:
        number = float(text)
        if math.isfinite(number) and (kind is float or number.is_integer()):
            value: int | float = kind(number)
            return value
    except ValueError:
        pass
    raise UserError(f"{where} is {text!r}; it must be a number of the type {kind.__name__}")


def _yaml(value: int | float) -> str:
    """A number as YAML reads it: 1e-05 would be a string, 1.0e-05 is a number."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _as_lines(values: Values) -> str:
    return ", ".join(f"{name}: {_yaml(value)}" for name, value in values.items())
