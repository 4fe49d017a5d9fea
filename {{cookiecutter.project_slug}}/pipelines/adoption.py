"""Take the winners of a tuning over into config/hyperparameters.yaml, for the pipeline `training` to train with."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from errors import JobError
from pipelines import ROOT, registry
from pipelines.environment import Environment
from pipelines.settings import hyperparameter_types, load_hyperparameters

TUNED = "hp_"  # how the names of tuned hyperparameters begin in a package's metadata

Values = Mapping[str, int | float]


def adopt_hyperparameters(
    environment: Environment, version: int | None = None, root: Path = ROOT
) -> dict[str, tuple[int | float, int | float]]:
    """Write the tuned hyperparameters of a version into the project's config; its comments and other keys stay.

    Args:
        environment: whose model it is.
        version: None for the latest approved one that was tuned.
        root: the project's folder.

    Returns:
        The old and the new value of what changed; nothing where all are adopted already.

    Raises:
        JobError: there is no such version, it was not tuned, or train.py does not take its hyperparameters.
    """
    package = _tuned(environment, version)
    winners = winners_of(package, hyperparameter_types(root))
    before = load_hyperparameters(root)
    changed = {name: value for name, value in winners.items() if before[name] != value}
    path = root / "config" / "hyperparameters.yaml"
    if changed:
        text = path.read_bytes().decode("utf-8")
        written = replaced(text, changed)
        if yaml.safe_load(written) != {**yaml.safe_load(text), **changed}:
            raise JobError(f"{path}: is not written as one `name: value` a line; set by hand: {_told(changed)}")
        path.write_bytes(written.encode("utf-8"))
    return {name: (before[name], value) for name, value in changed.items()}


def winners_of(package: registry.ModelPackage, types: Mapping[str, type]) -> dict[str, int | float]:
    """The tuned hyperparameters of a version, as numbers of their types.

    Raises:
        JobError: it has none, or one that train.py does not take.
    """
    tuned = {name.removeprefix(TUNED): text for name, text in package.metadata.items() if name.startswith(TUNED)}
    if not tuned:
        raise JobError(f"version {package.version} comes from {package.kind or 'elsewhere'}: nothing in it was tuned")
    if unknown := sorted(tuned.keys() - types):
        raise JobError(
            f"version {package.version} was tuned in {unknown[0]}, which jobs/train.py does not take; it takes "
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
    raise JobError(
        f"{environment.model_package_group} has no approved version from {registry.TUNED}; approve one: python -m "
        f"pipelines approve --env {environment.name} --comment ... --evidence ..., or name a version with --version"
    )


def _number(text: str, kind: type, where: str) -> int | float:
    try:
        number = float(text)
        if math.isfinite(number) and (kind is float or number.is_integer()):
            return kind(number)
    except ValueError:
        pass
    raise JobError(f"{where} is {text!r}; it must be a number of the type {kind.__name__}")


def _yaml(value: int | float) -> str:
    """A number as YAML knows it: it takes 1e-05 for a text, and 1.0e-05 for a number."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _told(values: Values) -> str:
    return ", ".join(f"{name}: {_yaml(value)}" for name, value in values.items())
