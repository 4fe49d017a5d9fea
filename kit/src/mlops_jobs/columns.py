"""The columns of the data contract: roles, where a column comes from, and what it becomes as a feature."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from mlops_jobs.contract_values import list_of, text_of, unknown_key
from mlops_jobs.datetime_format import DEFAULT_PARTS, PARTS, broken_format
from mlops_jobs.errors import ContractError

NUMERIC, CATEGORICAL, BOOLEAN, DATETIME = "numeric", "categorical", "boolean", "datetime"
ROLES = ("id", NUMERIC, CATEGORICAL, BOOLEAN, DATETIME, "input", "target", "ignored")
FILE, FEATURES = "file", "features"  # where a column comes from: the file, or jobs/features.py
ADDED_ROLES = (NUMERIC, CATEGORICAL)  # of a column that jobs/features.py adds
FEATURE_ROLES = (NUMERIC, CATEGORICAL, BOOLEAN, DATETIME)
RAW_ROLES = (*FEATURE_ROLES, "input")
PREDICTION = "prediction"
PROBABILITY = "probability_"

# XGBoost refuses these in a feature's name; a line break or a double quote would not survive a CSV header.
_UNFIT_IN_NAME = re.compile(r"""[\[\]<>"{}\x00-\x1f\x7f-\x9f\u2028\u2029]""")


@dataclass(frozen=True)
class Column:
    """One column of the files, or one that jobs/features.py adds.

    Attributes:
        role: one of ROLES; input is a column that only jobs/features.py reads.
        source: FILE or FEATURES.
        format: how a datetime column is written, such as %d.%m.%Y; None for ISO 8601.
        parts: what a datetime column becomes as features, of PARTS; empty for the usual ones.
        monotone: increasing or decreasing, where the prediction may only rise or fall with the feature.
    """

    name: str
    role: str
    source: str = FILE
    format: str | None = None
    parts: tuple[str, ...] = ()
    monotone: str | None = None

    @property
    def is_added(self) -> bool:
        """Whether jobs/features.py computes it."""
        return self.source == FEATURES

    @property
    def all_parts(self) -> tuple[str, ...]:
        """The parts of a datetime column, named or usual."""
        return self.parts or DEFAULT_PARTS

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the column becomes: itself, the parts of a date, or none."""
        if self.role == DATETIME:
            return tuple(f"{self.name}.{part}" for part in self.all_parts)
        return (self.name,) if self.role in FEATURE_ROLES else ()

    def as_dict(self) -> dict[str, Any]:
        """The column as in the contract, without what it leaves out."""
        return {
            "name": self.name,
            "role": self.role,
            **({"source": FEATURES} if self.is_added else {}),
            **({"format": self.format} if self.format else {}),
            **({"parts": list(self.parts)} if self.parts else {}),
            **({"monotone": self.monotone} if self.monotone else {}),
        }


def parse_column(raw: dict[str, Any]) -> Column:
    """Make a column of an entry of the contract's `columns`.

    Raises:
        ContractError: it has an unknown key, or a text that YAML takes for something else.
    """
    name = text_of(raw["name"], "the name of a column")
    known = [field.name for field in fields(Column)]
    if unknown := unknown_key(raw, known):
        raise ContractError(f"column {name!r} has the unknown key {unknown!r}; a column has {', '.join(known)}")
    form, parts = raw.get("format"), raw.get("parts")
    return Column(
        name,
        raw["role"],
        raw.get("source", FILE),
        None if form is None else text_of(form, f"the format of column {name!r}"),
        () if parts is None else tuple(list_of(parts, f"parts of column {name!r}")),
        raw.get("monotone"),
    )


def broken_columns(columns: Sequence[Column]) -> str | None:
    """What is wrong with the columns together or with one of them; None for nothing."""
    for column in columns:
        if broken := _broken_role(column) or _broken_name(column) or _broken_datetime(column):
            return broken
    name, count = Counter(column.name for column in columns).most_common(1)[0] if columns else ("", 0)
    if count > 1:
        return f"column {name!r} is declared {count} times; declare each column once"
    parts = {part for column in columns if column.role == DATETIME for part in column.features}
    if taken := next((column.name for column in columns if column.name in parts), None):
        return f"column {taken!r} has the name of a part of a datetime column; rename it"
    roles = Counter(column.role for column in columns)
    if roles["target"] != 1:
        return f"has {roles['target']} columns with the role target; exactly one is predicted"
    if roles["id"] > 1:
        return f"has {roles['id']} columns with the role id; at most one can name a row"
    if not any(column.features for column in columns):
        return f"has no feature; give at least one column the role {', '.join(FEATURE_ROLES[:-1])} or {DATETIME}"
    return None


def _broken_role(column: Column) -> str | None:
    if column.role not in ROLES:
        return f"column {column.name!r} has the role {column.role!r}; it must be one of {', '.join(ROLES)}"
    if column.source not in (FILE, FEATURES):
        return f"column {column.name!r} has the source {column.source!r}; it must be {FILE} or {FEATURES}"
    if column.is_added and column.role not in ADDED_ROLES:
        return f"column {column.name!r} comes from jobs/features.py, so its role must be numeric or categorical"
    return None


def _broken_name(column: Column) -> str | None:
    if not column.name.strip() or _UNFIT_IN_NAME.search(column.name):
        return (
            f"column {column.name!r} must have a name without double quotes, brackets, braces and control "
            "characters; rename it"
        )
    if column.name == PREDICTION or column.name.startswith(PROBABILITY):
        return f"column {column.name!r} has a name that the jobs write themselves: give it another"
    return None


def _broken_datetime(column: Column) -> str | None:
    where = f"column {column.name!r}"
    for key, value in (("format", column.format), ("parts", column.parts)):
        if value and column.role != DATETIME:
            return f"{where} has the key {key}, which only a column with the role {DATETIME} has; remove it"
    if column.format is not None and (broken := broken_format(column.format)):
        return f"{where} has the format {column.format!r}, {broken}"
    if unknown := next((part for part in column.parts if part not in PARTS), None):
        return f"{where} has the part {unknown!r}; its parts may be {', '.join(PARTS)}"
    if len(set(column.parts)) < len(column.parts):
        return f"{where} has a part twice; name each once"
    return None
