"""Take the winners of a tuning over into config/hyperparameters.yaml, for the pipeline `training` to train with."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from mlops_jobs.errors import UserError
from mlops_kit.aws import registry
from mlops_kit.aws.environment import Environment
from mlops_kit.config.reader import Section
from mlops_kit.project import open_project

TUNED = "hp_"  # how the names of tuned hyperparameters begin in a package's metadata

Values = Mapping[str, int | float]


def adopt_hyperparameters(
    environment: Environment, root: Path, version: int | None = None
) -> dict[str, tuple[int | float, int | float]]:
    """Write the tuned hyperparameters of a version into the project's config; its comments and other keys stay.

    Args:
        environment: whose model it is.
        version: None for the latest approved one that was tuned.
        root: the project's folder.

    Returns:
        The old and the new value of what changed; nothing where all are adopted already.

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
            raise UserError(f"{path}: is not written as one `name: value` a line; set by hand: {_told(changed)}")
        path.write_bytes(written.encode("utf-8"))
    return {name: (before[name], value) for name, value in changed.items()}


def winners_of(package: registry.ModelPackage, types: Mapping[str, type]) -> dict[str, int | float]:
    """The tuned hyperparameters of a version, as numbers of their types.

    Raises:
        UserError: it has none, or one that the config does not have.
    """
    tuned = {name.removeprefix(TUNED): text for name, text in package.metadata.items() if name.startswith(TUNED)}
    if not tuned:
        raise UserError(f"version {package.version} comes from {package.kind or 'elsewhere'}: nothing in it was tuned")
    if unknown := sorted(tuned.keys() - types):
        raise UserError(
            f"version {package.version} was tuned in {unknown[0]}, which config/hyperparameters.yaml lacks; it has "
            f"{', '.join(types)}"
        )
    return {
        name: _number(text, types[name], f"{TUNED}{name} of version {package.version}") for name, text in tuned.items()
    }


def replaced(text: str, values: Values) -> str:
    """A YAML text of `name: value` lines with other values; what is around a value stays as it is."""
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
    """The hyperparameters in the config: an int is one that takes whole numbers only."""
    section = Section.of_file(path, root)
    values = {name: section.take(name) for name in section.names}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise section.refusal(name, value, "a number, for example 0.1")
    return values


def _number(text: str, kind: type, where: str) -> int | float:
    try:
        number = float(text)
        if math.isfinite(number) and (kind is float or number.is_integer()):
            return kind(number)
    except ValueError:
        pass
    raise UserError(f"{where} is {text!r}; it must be a number of the type {kind.__name__}")


def _yaml(value: int | float) -> str:
    """A number as YAML knows it: it takes 1e-05 for a text, and 1.0e-05 for a number."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _told(values: Values) -> str:
    return ", ".join(f"{name}: {_yaml(value)}" for name, value in values.items())
