"""Judge a model by the gates of the contract: a threshold of any metric, or the gap between groups of rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.judging_rules import Gate

NO_GROUP = "(empty)"  # the name of the group of rows whose cell is empty
MAX_SMALL_GROUPS = 20  # as many of those that do not count are listed, the largest first

# What a value in the metadata of SageMaker's model registry may hold, and at most how much of it.
_UNFIT_IN_METADATA = re.compile(r"[^\w\s.:/=+\-@]")
MAX_METADATA = 256
MAX_SENTENCE = 1_500  # the message of a Fail step holds 3,072 characters, with the sentences around it

Measured = Callable[[np.ndarray], Mapping[str, float]]  # of the indices of some rows: their metrics


def judge_gates(
    contract: Contract, metrics: Mapping[str, float], groups: Mapping[str, np.ndarray], measure: Measured
) -> dict[str, Any]:
    """The result of every gate, in the shape of evaluation.json; always the same, for a pipeline to read.

    A gate whose metric the rows do not define is missed, and so is one with fewer than two groups of enough rows.

    Args:
        contract: the gates.
        metrics: of all rows, by name.
        groups: by each column that a gate names, the group of each row; shape (n,), text.
        measure: gives the metrics of the rows with these indices.

    Returns:
        `missed`, how many gates the model misses; `sentence`, which and why, empty where there is none; `summary`, all
        results in the characters that the model registry takes; `judged`, a result for each gate.
    """
    judged = [
        _judge_gap(contract, gate, groups[gate.by], measure) if gate.by else _judge_value(contract, gate, metrics)
        for gate in contract.gates
    ]
    missed = [result for result in judged if not result["met"]]
    sentence = "".join(f" It misses a gate: {_name(result)} {result['why']}." for result in missed)
    return {"missed": len(missed), "sentence": sentence[:MAX_SENTENCE], "summary": _summary(judged), "judged": judged}


def group_names(column: pa.Array) -> np.ndarray:
    """The group of each row, from the cells of a column; shape (n,), text without the blanks around it."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    texts = [text.strip() if text else "" for text in column.dictionary.cast(pa.string()).to_pylist()]
    indices = pc.fill_null(column.indices, len(texts)).to_numpy(zero_copy_only=False)
    return np.array([*(text or NO_GROUP for text in texts), NO_GROUP])[indices]


def _judge_value(contract: Contract, gate: Gate, metrics: Mapping[str, float]) -> dict[str, Any]:
    metric, value = contract.metric_named(gate.metric), metrics.get(gate.metric)
    met = value is not None and gate.threshold is not None and metric.meets(value, gate.threshold)
    shown = "is not defined for the test rows" if value is None else f"is {value:.4g}"
    limit = f"{metric.bound} {gate.threshold:g}"
    return {
        "metric": gate.metric,
        "value": value,
        "threshold": gate.threshold,
        "met": met,
        "limit": limit,
        "why": f"{shown} and must be {limit}",
    }


def _judge_gap(contract: Contract, gate: Gate, names: np.ndarray, measure: Measured) -> dict[str, Any]:
    groups, left_out = _groups(gate, names, measure)
    counted = [group for group in groups if group["counts"]]
    metric, limit = contract.metric_named(gate.metric), f"at most {gate.max_gap:g}"
    result = {"metric": gate.metric, "by": gate.by, "threshold": gate.max_gap, "min_rows": gate.min_rows}
    listed = {"groups": groups, "groups_left_out": left_out, "limit": limit}
    if len(counted) < 2:
        why = f"cannot be judged: fewer than two groups have {gate.min_rows} rows that define it"
        return {**result, "value": None, "met": False, **listed, "why": why}
    ordered = sorted(counted, key=lambda group: group["value"], reverse=not metric.lower_is_better)
    best, worst = ordered[0], ordered[-1]
    gap = abs(best["value"] - worst["value"])
    ends = ", ".join(f"{end['group']} {end['value']:.4g}" for end in (best, worst))
    why = f"is {gap:.4g} ({ends}) and must be {limit}"
    return {**result, "value": gap, "met": gap <= (gate.max_gap or 0.0), **listed, "why": why}


def _groups(gate: Gate, names: np.ndarray, measure: Measured) -> tuple[list[dict[str, Any]], int]:
    """The metric of each group, the largest group first, and how many small groups are not listed."""
    found, inverse, rows = np.unique(names, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(rows)[:-1])
    order = np.argsort(-rows, kind="stable")
    large = int(np.count_nonzero(rows >= gate.min_rows))
    listed = order[: large + MAX_SMALL_GROUPS]
    groups = []
    for index in listed:
        value = measure(members[index]).get(gate.metric)
        counts = bool(rows[index] >= gate.min_rows) and value is not None
        groups.append({"group": str(found[index]), "rows": int(rows[index]), "value": value, "counts": counts})
    return groups, len(order) - len(listed)


def _name(result: Mapping[str, Any]) -> str:
    return f"the gap of {result['metric']} by {result['by']}" if "by" in result else str(result["metric"])


def _summary(judged: Sequence[Mapping[str, Any]]) -> str:
    """Each gate with its value and limit, in the characters and the length of the registry's metadata."""
    shown = []
    for result in judged:
        value = "not defined" if result["value"] is None else f"{result['value']:.4g}"
        shown.append(f"{_name(result)}: {value} of {result['limit']}")
    text = _UNFIT_IN_METADATA.sub("_", " / ".join(shown))
    return text if len(text) <= MAX_METADATA else f"{text[: MAX_METADATA - 4]} ..."
