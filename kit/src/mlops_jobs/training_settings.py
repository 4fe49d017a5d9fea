"""What the contract sets for training: how much each class counts, and features that may only raise or lower."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlops_jobs.errors import ContractError, DataError

BALANCED = "balanced"  # each class counts the same in total, however rare it is
DIRECTIONS = {"increasing": 1, "decreasing": -1}

ClassWeights = str | tuple[tuple[str, float], ...]  # hashable, as the contract is


def parse_class_weights(raw: Any) -> ClassWeights:
    """Read `class_weights` of a contract: balanced, or a weight for each class.

    Raises:
        ContractError: it is neither.
    """
    if raw == BALANCED:
        return BALANCED
    if not isinstance(raw, dict) or not raw:
        raise ContractError(f"class_weights is {raw!r}; it must be {BALANCED}, or a mapping of classes to weights")
    for name, weight in raw.items():
        if not isinstance(name, str):
            raise ContractError(f"class_weights has the class {name!r} to YAML; put it in quotes")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise ContractError(f"class_weights.{name} is {weight!r}; it must be a number above 0, for example 2.5")
    return tuple((name, float(weight)) for name, weight in raw.items())


def class_weights_as_written(weights: ClassWeights) -> str | dict[str, float]:
    """The weights in the shape of config/dataset.yaml."""
    return dict(weights) if isinstance(weights, tuple) else weights


def broken_class_weights(weights: ClassWeights | None, problem_type: str) -> str | None:
    """The rule that `class_weights` break, as a sentence."""
    if weights is not None and problem_type == "regression":
        return "class_weights are for classes, and problem_type is regression; remove them"
    return None


def check_weighted_classes(weights: ClassWeights | None, classes: Sequence[str], where: str) -> None:
    """Raise DataError where the contract weighs a class that the labelled rows do not hold."""
    unknown = [name for name, _ in weights if name not in classes] if isinstance(weights, tuple) else []
    if unknown:
        raise DataError(
            f"{where}: class_weights of the contract has the class {unknown[0]!r}, which no row holds; the classes are "
            f"{', '.join(classes)}; correct its name or remove it"
        )


def broken_monotone(name: str, role: str, monotone: Any, problem_type: str) -> str | None:
    """The rule that `monotone` of a column breaks, as a sentence."""
    if monotone is None:
        return None
    if monotone not in tuple(DIRECTIONS):  # a tuple, since YAML may give a list, which has no hash
        return f"column {name!r} has monotone {monotone!r}; it must be {' or '.join(DIRECTIONS)}"
    if role != "numeric":
        return f"column {name!r} has monotone {monotone} and the role {role}; only a numeric feature can have it"
    if problem_type == "multiclass":
        return (
            f"column {name!r} has monotone {monotone}, and problem_type is multiclass: of several classes none is the "
            "higher one; remove it"
        )
    return None
