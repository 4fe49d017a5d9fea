"""Values of the contract as they were meant: texts, numbers and lists of YAML, checked by type."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mlops_jobs.errors import ContractError


def text_of(value: Any, key: str) -> str:
    """A word as it was meant: without quotes YAML takes yes for true, 1.10 for 1.1 and 010 for 8.

    Raises:
        ContractError: YAML read something else than a text.
    """
    if not isinstance(value, str):
        raise ContractError(f"{key} is {value!r} to YAML; put it in quotes")
    return value


def list_of(value: Any, key: str) -> list[Any]:
    """A list.

    Raises:
        ContractError: it is none.
    """
    if not isinstance(value, list):
        raise ContractError(f"{key} is {value!r}; it must be a list")
    return value


def number_of(value: Any, key: str) -> float:
    """A number.

    Raises:
        ContractError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ContractError(f"{key} is {value!r}; it must be a number without quotes, for example 2.5")
    return float(value)


def unknown_key(raw: Mapping[Any, Any], known: Collection[str]) -> str | None:
    """The first key of a mapping that nothing reads; None where there is none."""
    return next(iter(sorted(map(str, raw.keys() - set(known)))), None)
