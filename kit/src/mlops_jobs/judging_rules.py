"""What a contract says beyond its metric: the team's own metrics, the gates, and the aim of the decision threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops_jobs.columns import BOOLEAN, CATEGORICAL
from mlops_jobs.contract_values import number_of, text_of, unknown_key
from mlops_jobs.errors import ContractError
from mlops_jobs.metric_names import GATES_ONLY, METRICS_FOR, OF_A_DECISION, Metric, known_metric, measured_for

LOWER, HIGHER = "lower", "higher"  # which way an own metric is better
MIN_GROUP_ROWS = 30  # of fewer rows a metric is mostly chance
GROUP_ROLES = (CATEGORICAL, BOOLEAN, "input")
_GROUP_ROLES_IN_WORDS = f"{', '.join(GROUP_ROLES[:-1])} or {GROUP_ROLES[-1]}"

_MEASURED = {name for problem_type in METRICS_FOR for name in measured_for(problem_type)}


@dataclass(frozen=True)
class Gate:
    """A demand on a model besides its metric: a threshold, or a largest gap between groups of rows.

    Attributes:
        metric: the metric's name.
        threshold: the worst value; None for a gate on the gap.
        by: the column whose values are the groups; None without groups.
        max_gap: the largest difference between the best and the worst group.
        min_rows: a group of fewer rows is shown, and does not count.
    """

    metric: str
    threshold: float | None = None
    by: str | None = None
    max_gap: float | None = None
    min_rows: int = MIN_GROUP_ROWS

    def as_dict(self) -> dict[str, Any]:
        """The gate in the shape of config/dataset.yaml."""
        given = {key: value for key, value in asdict(self).items() if value is not None}
        if self.by is None or self.min_rows == MIN_GROUP_ROWS:
            del given["min_rows"]
        return given


@dataclass(frozen=True)
class Aim:
    """What the decision threshold of a binary model is chosen for.

    Attributes:
        aim: the metric that is to be as good as possible.
        at_least: the metrics that must reach a value, each with the value.
    """

    aim: str
    at_least: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The aim in the shape of config/dataset.yaml."""
        return {"aim": self.aim, **({"at_least": dict(self.at_least)} if self.at_least else {})}


def parse_own_metrics(raw: Any) -> tuple[Metric, ...]:
    """The team's metrics: the name of each, and whether lower or higher is better."""
    if not isinstance(raw, dict):
        raise ContractError(f"own_metrics is {raw!r}; it must be a mapping such as {{business_cost: {LOWER}}}")
    for name, direction in raw.items():
        if direction not in (LOWER, HIGHER):
            raise ContractError(f"own_metrics.{name} is {direction!r}; it must be {LOWER} or {HIGHER}, what is better")
    return tuple(Metric(str(name), direction == LOWER, is_own=True) for name, direction in raw.items())


def own_metrics_as_dict(own: Iterable[Metric]) -> dict[str, str]:
    """The team's metrics in the shape of config/dataset.yaml."""
    return {metric.name: LOWER if metric.lower_is_better else HIGHER for metric in own}


def parse_gates(raw: Any) -> tuple[Gate, ...]:
    """The list of gates."""
    if not isinstance(raw, list) or not all(isinstance(entry, dict) for entry in raw):
        raise ContractError(f"gates is {raw!r}; it must be a list of mappings such as {{metric: f1, threshold: 0.6}}")
    return tuple(_gate(entry, f"gates[{index}]") for index, entry in enumerate(raw))


def parse_aim(raw: Any) -> Aim:
    """The aim of the decision threshold."""
    if not isinstance(raw, dict) or "aim" not in raw:
        raise ContractError(f"decision is {raw!r}; it must be a mapping such as {{aim: f1}}")
    _refuse_unknown(raw, ("aim", "at_least"), "decision")
    limits = raw.get("at_least", {})
    if not isinstance(limits, dict):
        raise ContractError(f"decision.at_least is {limits!r}; it must be a mapping such as {{precision: 0.9}}")
    return Aim(
        str(raw["aim"]),
        tuple((str(name), number_of(value, f"decision.at_least.{name}")) for name, value in limits.items()),
    )


def broken_own_metrics(own: Iterable[Metric]) -> str | None:
    """The first fault of the own metrics, or None."""
    for metric in own:
        if not metric.name.isidentifier() or metric.name.startswith("_"):
            return f"own_metrics has {metric.name!r}; a name must be that of a function in jobs/metrics.py"
        if metric.name in _MEASURED:
            return f"own_metrics has {metric.name!r}, which is a metric that needs no function; choose another name"
    return None


def broken_gates(
    gates: tuple[Gate, ...], problem_type: str, own: Sequence[Metric], roles: Mapping[str, str]
) -> str | None:
    """The first fault of the gates, or None; `roles` are those of the columns, by name."""
    for index, gate in enumerate(gates):
        where, fitting = f"gates[{index}]", (*measured_for(problem_type), *names_of(own))
        if gate.metric not in fitting:
            problem = _known_or(gate.metric, f"does not fit {problem_type}")
            return f"{where}.metric {gate.metric!r} {problem}; choose one of {', '.join(fitting)}"
        if gate.by is None:
            if gate.threshold is None or gate.max_gap is not None:
                return f"{where} must have a threshold, or with `by` the largest gap between groups, max_gap"
            if not metric_named(gate.metric, own).in_range(gate.threshold):
                return f"{where}.threshold {gate.threshold} is out of range for {gate.metric}"
            continue
        if gate.max_gap is None or gate.threshold is not None:
            return f"{where} has `by`; then it must have max_gap and no threshold"
        if not math.isfinite(gate.max_gap) or gate.max_gap <= 0:
            return f"{where}.max_gap is {gate.max_gap}; it must be above 0"
        if gate.min_rows < 1:
            return f"{where}.min_rows is {gate.min_rows}; it must be 1 or more"
        if roles.get(gate.by) not in GROUP_ROLES:
            found = f"has the role {roles[gate.by]}" if gate.by in roles else "is not a column"
            return f"{where}.by: {gate.by!r} {found}; choose a column with the role {_GROUP_ROLES_IN_WORDS}"
    return None


def broken_aim(aim: Aim | None, problem_type: str, own: Sequence[Metric]) -> str | None:
    """The first fault of the decision's aim, or None."""
    if aim is None:
        return None
    if problem_type != "binary":
        return f"decision is for problem_type binary only, and this is {problem_type}; remove it"
    fitting = (*OF_A_DECISION, *names_of(own))
    for name, key in ((aim.aim, "aim"), *((name, "at_least") for name, _ in aim.at_least)):
        if name not in fitting:
            problem = _known_or(name, "does not depend on the threshold")
            return f"decision.{key} {name!r} {problem}; choose one of {', '.join(fitting)}"
    for name, value in aim.at_least:
        if name == aim.aim:
            return f"decision.at_least has the aim {name!r} itself; name another metric"
        if metric_named(name, own).lower_is_better or not metric_named(name, own).in_range(value):
            return f"decision.at_least.{name} {value} is out of range: only a metric of which more is better has one"
    return None


def broken_main_metric(metric: str, threshold: float, problem_type: str, own: Sequence[Metric]) -> str | None:
    """The first fault of the metric and its threshold, or None."""
    fitting = (*METRICS_FOR[problem_type], *names_of(own))
    if metric in GATES_ONLY[problem_type]:
        return f"metric {metric!r} can be reached by a constant prediction; make it a gate, and choose another metric"
    if metric not in fitting:
        problem = _known_or(metric, f"does not fit {problem_type}")
        return f"metric {metric!r} {problem}; choose one of {', '.join(fitting)}"
    if not metric_named(metric, own).in_range(threshold):
        return f"threshold {threshold} is out of range for {metric}"
    return None


def metric_named(name: str, own: Iterable[Metric]) -> Metric:
    """A metric that is measured anyway, or one of the team's own."""
    return next((metric for metric in own if metric.name == name), known_metric(name))


def names_of(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """The names of metrics."""
    return tuple(metric.name for metric in metrics)


def _known_or(name: str, problem: str) -> str:
    """What is wrong with a metric that may not stand here: that there is none of this name, or the problem."""
    return problem if name in _MEASURED else "is unknown"


def _gate(raw: dict[str, Any], where: str) -> Gate:
    _refuse_unknown(raw, tuple(Gate.__dataclass_fields__), where)
    if "metric" not in raw:
        raise ContractError(f"{where} lacks the key 'metric'")
    numbers = {key: number_of(raw[key], f"{where}.{key}") for key in ("threshold", "max_gap") if key in raw}
    rows = raw.get("min_rows", MIN_GROUP_ROWS)
    if isinstance(rows, bool) or not isinstance(rows, int):
        raise ContractError(f"{where}.min_rows is {rows!r}; it must be a whole number")
    by = None if raw.get("by") is None else text_of(raw["by"], f"{where}.by")
    if by is None and "min_rows" in raw:
        raise ContractError(f"{where} has min_rows without `by`; it is about groups of rows, so remove it")
    return Gate(str(raw["metric"]), by=by, min_rows=rows, **numbers)


def _refuse_unknown(raw: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := unknown_key(raw, known):
        raise ContractError(f"{where} has the key {unknown!r}, which nothing reads; it may have {', '.join(known)}")
