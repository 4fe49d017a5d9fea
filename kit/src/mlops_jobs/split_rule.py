"""How the contract wants rows to be split: by row, by group or by time, and which files are the test split."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from mlops_jobs.errors import ContractError

ROW, GROUP, TIME = "row", "group", "time"
RULES = (ROW, GROUP, TIME)


@dataclass(frozen=True)
class SplitRule:
    """The key `split` of the contract.

    Attributes:
        by: row, group (the rows of one value are never in two splits) or time (the newest rows are the test split).
        column: the column of the group or the time; None by row.
        test_files: a pattern of file names such as holdout-*.csv, whose rows are the test split; None for none.
    """

    by: str = ROW
    column: str | None = None
    test_files: str | None = None

    def is_test_file(self, name: str) -> bool:
        """Whether the rows of a file are the test split, by its name."""
        return self.test_files is not None and fnmatchcase(name, self.test_files)

    def kept_for(self, names: Collection[str], target: str) -> SplitRule:
        """The rule for a file of other columns: unchanged, or by row where its column is missing or is the target."""
        fits = self.column is None or (self.column in names and self.column != target)
        return self if fits else SplitRule(test_files=self.test_files)

    def as_dict(self) -> dict[str, str]:
        """The rule as in the contract, without what it leaves out."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in found.items() if value is not None}


BY_ROW = SplitRule()


def parse_split_rule(raw: Any) -> SplitRule:
    """Make a rule of the contract's `split`.

    Raises:
        ContractError: it is not a mapping of the known keys to texts.
    """
    known = [field.name for field in fields(SplitRule)]
    if not isinstance(raw, dict):
        raise ContractError(f"split is {raw!r}; it must be a mapping with the keys {', '.join(known)}")
    for key, value in raw.items():
        if key not in known:
            raise ContractError(f"split has the unknown key {key!r}; it may have {', '.join(known)}")
        if not isinstance(value, str):
            raise ContractError(f"split.{key} is {value!r} to YAML; put it in quotes")
    return SplitRule(**raw)


def broken_split(rule: SplitRule, columns: dict[str, str]) -> str | None:
    """What is wrong with a rule; None for nothing.

    Args:
        rule: the rule.
        columns: the role of each column of the file.
    """
    if rule.by not in RULES:
        return f"split.by is {rule.by!r}; it must be one of {', '.join(RULES)}"
    if rule.by == ROW and rule.column is not None:
        return (
            f"split.column is {rule.column!r} and split.by is row, which reads no column; set split.by to group or time"
        )
    if rule.by != ROW and rule.column is None:
        return f"split.by is {rule.by} and split.column is missing; name the column of the {rule.by}"
    if rule.column is not None and rule.column not in columns:
        return f"split.column is {rule.column!r}, which is no column of the file; it may be one of {', '.join(columns)}"
    if rule.column is not None and columns[rule.column] == "target":
        return f"split.column is {rule.column!r}, the target; name another column"
    if rule.test_files is not None and (not rule.test_files.strip() or "/" in rule.test_files):
        return f"split.test_files is {rule.test_files!r}; it must be a file name or a pattern such as 'holdout-*.csv'"
    return None
