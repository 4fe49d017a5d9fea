"""Judge a model by the gates of the contract: a threshold of any metric, or the gap between groups of rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract
from mlops_jobs.judging_rules import Gate
from mlops_jobs.scores import Scores
from mlops_jobs.typed_columns import TRUE

NO_GROUP = "(empty)"  # the name of the group of rows whose cell is empty
MAX_GROUPS = 100  # as many are listed, the largest first: a pipeline and a page read evaluation.json

SHOWN_GROUPS = 5  # as many are named in a sentence

# What a value in the metadata of SageMaker's model registry may hold, and at most how much of it.
_UNFIT_IN_METADATA = re.compile(r"[^\w\s.:/=+\-@]")
MAX_METADATA = 256
MAX_SENTENCE = 1_500  # the message of a Fail step holds 3,072 characters, with the sentences around it

Measure = Callable[[str, np.ndarray, Scores], float]  # a metric of rows, by its name, their target and predictions


@dataclass(frozen=True)
class Judged:
    """The rows that a model was judged on.

    Attributes:
        actual: the target, or the index of the class; shape (n,).
        scores: the model's predictions.
        metrics: of all rows, by name.
        groups: by each column that a gate names, the group of each row; shape (n,), text.
    """

    actual: np.ndarray
    scores: Scores
    metrics: Mapping[str, float]
    groups: Mapping[str, np.ndarray]


def judge_gates(contract: Contract, rows: Judged, measure: Measure) -> dict[str, Any]:
    """The result of every gate, in the shape of evaluation.json; always the same, for a pipeline to read.

    A gate whose metric the rows do not define is missed, and so is one with fewer than two groups of enough rows.

    Args:
        contract: the gates.
        rows: what the model was judged on.
        measure: gives a metric of some rows; NaN where they do not define it.

    Returns:
        `missed`, how many gates the model misses; `sentence`, which and why, empty where there is none; `summary`, all
        results in the characters that the model registry takes; `judged`, a result for each gate.
    """
    judged = [
        _judge_gap(contract, gate, rows, measure) if gate.by else _judge_value(contract, gate, rows.metrics)
        for gate in contract.gates
    ]
    missed = [result for result in judged if not result["met"]]
    sentence = "".join(f" It misses a gate: {_name(result)} {result['why']}." for result in missed)
    return {"missed": len(missed), "sentence": sentence[:MAX_SENTENCE], "summary": _summary(judged), "judged": judged}


def group_names(column: pa.Array, *, are_truth_values: bool = False) -> np.ndarray:
    """The group of each row, from the cells of a column; shape (n,), text without the blanks around it.

    Truth values are true and false, however they are written.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    texts = [text.strip() if text else "" for text in column.dictionary.cast(pa.string()).to_pylist()]
    if are_truth_values:
        texts = [text and str(text.lower() in TRUE).lower() for text in texts]
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


def _judge_gap(contract: Contract, gate: Gate, rows: Judged, measure: Measure) -> dict[str, Any]:
    groups, number = _groups(gate, rows, measure)
    counted = [group for group in groups if group["counts"]]
    metric, limit = contract.metric_named(gate.metric), f"at most {gate.max_gap:g}"
    result = {"metric": gate.metric, "by": gate.by, "threshold": gate.max_gap, "min_rows": gate.min_rows}
    result["counted"] = _counted_rows(gate.metric)
    shown = groups[:MAX_GROUPS]
    listed = {"groups": shown, "groups_left_out": number - len(shown), "limit": limit}
    if len(counted) < 2:
        why = (
            f"cannot be judged: fewer than two groups have {gate.min_rows} {_counted_rows(gate.metric)}, the gate's "
            f"min_rows ({_sizes(groups)})"
        )
        return {**result, "value": None, "met": False, **listed, "why": why}
    ordered = sorted(counted, key=lambda group: group["value"], reverse=not metric.lower_is_better)
    best, worst = ordered[0], ordered[-1]
    gap = abs(best["value"] - worst["value"])
    ends = ", ".join(f"{end['group']} {end['value']:.4g}" for end in (best, worst))
    why = f"is {gap:.4g} ({ends}) and must be {limit}"
    return {**result, "value": gap, "met": gap <= (gate.max_gap or 0.0), **listed, "why": why}


def _groups(gate: Gate, rows: Judged, measure: Measure) -> tuple[list[dict[str, Any]], int]:
    """The metric of each group that counts or may be listed, the largest first, and the number of all groups."""
    counted = _counts(gate.metric, rows)
    found, inverse = np.unique(rows.groups[str(gate.by)], return_inverse=True)
    sizes = np.bincount(inverse)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(sizes)[:-1])
    behind = np.bincount(inverse, weights=counted).astype(int)
    order = np.argsort(-behind, kind="stable")
    groups = []
    for index in order[: max(MAX_GROUPS, np.count_nonzero(behind >= gate.min_rows))]:
        of_group = members[index]
        value = measure(gate.metric, rows.actual[of_group], rows.scores.take(of_group))
        is_defined = math.isfinite(value)
        groups.append(
            {
                "group": str(found[index]),
                "rows": int(sizes[index]),
                "counted_rows": int(behind[index]),
                "value": value if is_defined else None,
                "counts": bool(behind[index] >= gate.min_rows) and is_defined,
            }
        )
    return groups, len(order)


def _counts(metric: str, rows: Judged) -> np.ndarray:
    """Which rows a metric is a share of: a recall of three positive rows is chance, however many others there are."""
    if metric == "recall":
        return rows.actual == 1
    if metric == "precision":
        return rows.scores.predicted == 1
    return np.ones(len(rows.actual), dtype=bool)


def _counted_rows(metric: str) -> str:
    return {"recall": "positive rows", "precision": "rows called positive"}.get(metric, "rows that define it")


def _sizes(groups: Sequence[Mapping[str, Any]]) -> str:
    """The rows that count of the largest groups."""
    sizes = [f"{group['group']} {group['counted_rows']}" for group in groups[:SHOWN_GROUPS]]
    return ", ".join([*sizes, *(["..."] if len(groups) > SHOWN_GROUPS else [])])


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
