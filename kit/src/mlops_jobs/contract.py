"""The data contract: the columns of a row, the metric and its threshold, from config/dataset.yaml.

Every job takes its columns from the contract, so that no code contains a column name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from mlops_jobs.columns import BOOLEAN, CATEGORICAL, DATETIME, NUMERIC, RAW_ROLES, broken_columns, parse_column
from mlops_jobs.columns import PREDICTION as PREDICTION
from mlops_jobs.columns import PROBABILITY as PROBABILITY
from mlops_jobs.columns import Column as Column
from mlops_jobs.contract_values import list_of, number_of, text_of, unknown_key
from mlops_jobs.errors import ContractError, UserError
from mlops_jobs.judging_rules import (
    Aim,
    Gate,
    broken_aim,
    broken_gates,
    broken_main_metric,
    broken_own_metrics,
    metric_named,
    own_metrics_as_dict,
    parse_aim,
    parse_gates,
    parse_own_metrics,
)
from mlops_jobs.metric_names import METRICS_FOR, Metric
from mlops_jobs.number_text import DECIMALS, THOUSANDS, Notation
from mlops_jobs.split_rule import BY_ROW, SplitRule, broken_split, parse_split_rule
from mlops_jobs.training_settings import (
    DIRECTIONS,
    ClassWeights,
    broken_class_weights,
    broken_monotone,
    class_weights_as_written,
    parse_class_weights,
)

CSV_KEYS = ("header", "delimiter", "missing", "decimal", "thousands")
CSV_DEFAULTS = {"decimal": ".", "thousands": None}


@dataclass(frozen=True)
class Contract:
    """What a row is, what is predicted from it, and how good the prediction must be."""

    dataset: str
    problem_type: str
    header: bool
    delimiter: str
    missing: tuple[str, ...]
    columns: tuple[Column, ...]
    metric: str
    threshold: float
    positive_class: str | None = None
    decimal: str = "."
    thousands: str | None = None
    split: SplitRule = BY_ROW
    class_weights: ClassWeights | None = None
    own_metrics: tuple[Metric, ...] = ()
    gates: tuple[Gate, ...] = ()
    decision: Aim | None = None

    @property
    def notation(self) -> Notation:
        """How the files write numbers."""
        return Notation(self.decimal, self.thousands)

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class and not a number."""
        return self.problem_type != "regression"

    @property
    def target(self) -> str:
        """The column to predict."""
        return self._named("target")[0]

    @property
    def id(self) -> str | None:
        """The column that names a row, where the data has one."""
        return next(iter(self._named("id")), None)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric features whose missing cells get the median."""
        return self._named(NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """The categorical features."""
        return self._named(CATEGORICAL)

    @property
    def booleans(self) -> tuple[str, ...]:
        """The columns of truth values."""
        return self._named(BOOLEAN)

    @property
    def datetimes(self) -> tuple[Column, ...]:
        """The columns of dates and times, each of which becomes some features."""
        return tuple(column for column in self.columns if column.role == DATETIME)

    @property
    def features(self) -> tuple[str, ...]:
        """The features in the order of the columns: the model's columns, always these and as many."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def directions(self) -> tuple[int, ...] | None:
        """For each feature: 1, the prediction may only rise with it; -1, only fall; 0, both. None: all may do both."""
        direction_of = {column.name: DIRECTIONS[column.monotone] for column in self.columns if column.monotone}
        return tuple(direction_of.get(name, 0) for name in self.features) if direction_of else None

    @property
    def baseline_columns(self) -> tuple[str, ...]:
        """What the data-quality check looks at: the features.

        Not the target: a batch has only its prediction, whose distribution differs even if nothing has changed. The
        model quality check compares predictions with labels.
        """
        return self.features

    @property
    def labelled_columns(self) -> tuple[str, ...]:
        """What the jobs keep of a labelled row: the columns of the file, but for the ignored ones."""
        return tuple(c.name for c in self.columns if c.role != "ignored" and not c.is_added)

    @property
    def added(self) -> tuple[str, ...]:
        """The features that jobs/features.py adds."""
        return tuple(c.name for c in self.columns if c.is_added)

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """What jobs/features.py is given: the columns of the file that are features or have the role input."""
        return tuple(c.name for c in self.columns if c.role in RAW_ROLES and not c.is_added)

    def file_columns(self, *, labelled: bool) -> tuple[str, ...]:
        """All columns of a file in order: with the target in training data, without it in data to predict."""
        return tuple(c.name for c in self.columns if not c.is_added and (labelled or c.role != "target"))

    @property
    def as_written(self) -> Contract:
        """The same rows as the jobs write them: with a header, commas, plain numbers, nothing in a missing cell."""
        return replace(self, header=True, delimiter=",", missing=("",), decimal=".", thousands=None)

    @property
    def split_columns(self) -> tuple[str, ...]:
        """What is read of a labelled row to split it: the labelled columns, and the column of the group or time."""
        read = {*self.labelled_columns, self.split.column}
        return tuple(c.name for c in self.columns if c.name in read and not c.is_added)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns of a file of labels: the id where there is one, and the target."""
        return tuple(c.name for c in self.columns if c.role in ("id", "target"))

    @property
    def main_metric(self) -> Metric:
        """The metric that the threshold and the comparison with the champion are about."""
        return self.metric_named(self.metric)

    def metric_named(self, name: str) -> Metric:
        """A metric that is measured for this problem, or one of the team's own."""
        return metric_named(name, self.own_metrics)

    def threshold_or(self, given: float | None) -> float:
        """The threshold that was given for this run, else the contract's.

        Raises:
            UserError: it is out of range for the metric.
        """
        if given is not None and not self.main_metric.in_range(given):
            limits = "any finite number" if self.main_metric.is_own else "above 0, and 1 at most for a share"
            raise UserError(f"the threshold {given} is out of range for {self.metric}: {limits}")
        return self.threshold if given is None else given

    def as_dict(self) -> dict[str, Any]:
        """The contract in the shape of config/dataset.yaml."""
        positive = {"positive_class": self.positive_class} if self.problem_type == "binary" else {}
        return {
            "dataset": self.dataset,
            "problem_type": self.problem_type,
            **positive,
            "csv": {
                "header": self.header,
                "delimiter": self.delimiter,
                "missing": list(self.missing),
                **({"decimal": self.decimal} if self.decimal != "." else {}),
                **({"thousands": self.thousands} if self.thousands else {}),
            },
            "columns": [column.as_dict() for column in self.columns],
            **({"split": self.split.as_dict()} if self.split != BY_ROW else {}),
            **({"class_weights": class_weights_as_written(self.class_weights)} if self.class_weights else {}),
            **({"own_metrics": own_metrics_as_dict(self.own_metrics)} if self.own_metrics else {}),
            "metric": self.metric,
            "threshold": self.threshold,
            **({"gates": [gate.as_dict() for gate in self.gates]} if self.gates else {}),
            **({"decision": self.decision.as_dict()} if self.decision else {}),
        }

    def to_yaml(self) -> str:
        """The contract as the text of a config/dataset.yaml."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True, width=100)

    def _named(self, role: str) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.role == role)


def load_contract(path: str | Path) -> Contract:
    """Read a contract from a YAML file.

    Raises:
        ContractError: the file is missing, is not YAML in UTF-8, or does not describe a dataset.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(f"the contract {path} cannot be read ({error.strerror}): give its path") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: is not UTF-8; save the file in UTF-8") from error
    try:
        return parse_contract(text)
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from error


def parse_contract(text: str) -> Contract:
    """Make a contract of YAML text.

    Raises:
        ContractError: the text is not YAML or does not describe a dataset.
    """
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ContractError(f"is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ContractError("must be a mapping with the keys dataset, problem_type, csv, columns, metric")
    try:
        contract = _from_dict(raw)
    except KeyError as error:
        raise ContractError(f"lacks the key {error}; docs/data-contract.md shows a whole one") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"holds a value of the wrong type ({error}); see docs/data-contract.md") from error
    _check(contract)
    return contract


def _from_dict(raw: dict[str, Any]) -> Contract:
    known = {field.name for field in fields(Contract)} - set(CSV_KEYS) | {"csv"}
    if unknown := unknown_key(raw, known):
        raise ContractError(
            f"has the key {unknown!r}, which nothing reads; it may be one of {', '.join(sorted(known))}"
        )
    csv, positive = raw["csv"], raw.get("positive_class")
    if unknown := unknown_key(csv, CSV_KEYS):
        raise ContractError(f"csv has the key {unknown!r}, which nothing reads; it may have {', '.join(CSV_KEYS)}")
    if not isinstance(csv["header"], bool):
        raise ContractError(f"csv.header is {csv['header']!r}; it must be true or false")
    return Contract(
        dataset=text_of(raw["dataset"], "dataset"),
        problem_type=text_of(raw["problem_type"], "problem_type"),
        header=csv["header"],
        delimiter=csv["delimiter"],
        missing=tuple(text_of(text, "an entry of csv.missing") for text in list_of(csv["missing"], "csv.missing")),
        columns=tuple(parse_column(column) for column in list_of(raw["columns"], "columns")),
        metric=raw["metric"],
        threshold=number_of(raw["threshold"], "threshold"),
        positive_class=None if positive is None else text_of(positive, "positive_class"),
        **{key: csv.get(key, default) for key, default in CSV_DEFAULTS.items()},
        split=parse_split_rule(raw["split"]) if raw.get("split") is not None else BY_ROW,
        class_weights=parse_class_weights(raw["class_weights"]) if raw.get("class_weights") is not None else None,
        own_metrics=parse_own_metrics(raw["own_metrics"]) if raw.get("own_metrics") is not None else (),
        gates=parse_gates(raw["gates"]) if raw.get("gates") is not None else (),
        decision=parse_aim(raw["decision"]) if raw.get("decision") is not None else None,
    )


def _check(contract: Contract) -> None:
    """Raise ContractError at the first rule that the contract breaks."""
    for rules in (_broken_form, _broken_columns, _broken_split, _broken_metric, _broken_training):
        if broken := rules(contract):
            raise ContractError(broken)


def _broken_form(contract: Contract) -> str | None:
    if contract.problem_type not in METRICS_FOR:
        return f"problem_type is {contract.problem_type!r}; it must be one of {', '.join(METRICS_FOR)}"
    mark = contract.delimiter
    if not isinstance(mark, str) or len(mark) != 1 or not mark.isascii() or mark in '"\r\n':
        return f"csv.delimiter is {mark!r}; it must be one ASCII character, for example ','"
    if contract.decimal not in DECIMALS:
        return f"csv.decimal is {contract.decimal!r}; it must be '.' or ','"
    if contract.thousands is not None and contract.thousands not in tuple(THOUSANDS):
        return f"csv.thousands is {contract.thousands!r}; it must be null or one of {' '.join(map(repr, THOUSANDS))}"
    if contract.thousands == contract.decimal:
        return f"csv.decimal and csv.thousands are both {contract.decimal!r}; they must differ"
    return None


def _broken_columns(contract: Contract) -> str | None:
    return broken_columns(contract.columns)


def _broken_split(contract: Contract) -> str | None:
    return broken_split(
        contract.split, {column.name: column.role for column in contract.columns if not column.is_added}
    )


def _broken_metric(contract: Contract) -> str | None:
    own, problem_type = contract.own_metrics, contract.problem_type
    roles = {column.name: column.role for column in contract.columns}
    return (
        broken_own_metrics(own)
        or broken_main_metric(contract.metric, contract.threshold, problem_type, own)
        or broken_gates(contract.gates, problem_type, own, roles)
        or broken_aim(contract.decision, problem_type, own)
    )


def _broken_training(contract: Contract) -> str | None:
    for column in contract.columns:
        if broken := broken_monotone(column.name, column.role, column.monotone, contract.problem_type):
            return broken
    return broken_class_weights(contract.class_weights, contract.problem_type)
