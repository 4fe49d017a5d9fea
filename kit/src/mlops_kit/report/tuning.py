"""The training jobs of a tuning step, the best one marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.elements import Column, Html, Section, code, html, join, number, row, table
from mlops_kit.report.statuses import badge
from mlops_kit.runner.record import StepRecord
from mlops_kit.text import count

CAPTION = "Training jobs of the tuning"


@dataclass(frozen=True)
class _Job:
    """One of the training jobs: its hyperparameters and its objective."""

    name: str
    tuned: dict[str, Any]
    metric: str
    value: str
    is_best: bool


def tuning_of(step: StepRecord, _: Artifacts) -> Section | None:
    """The training jobs of a tuning step, the best first, as in its record."""
    best = (step.result.get("BestTrainingJob") or {}).get("TrainingJobName")
    jobs = [_job(summary, best) for summary in step.result.get("TrainingJobSummaries") or []]
    if not jobs:
        return None
    headline = next((f", the best with {job.metric} {job.value}" for job in jobs if job.is_best and job.value), "")
    headline = f"{count(len(jobs), 'training job')}{headline}"
    prefix = _common_prefix([job.name for job in jobs])
    body = join(
        html("p", headline, class_="verdict"),
        html("div", _table(jobs, prefix), class_="scroll", role="region", aria_label=CAPTION, tabindex=0),
        html("p", html("small", "All names start with ", code(prefix))) if prefix else None,
    )
    return Section("Tuning", headline, body)


def _job(summary: dict[str, Any], best: str | None) -> _Job:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    name = str(summary.get("TrainingJobName", ""))
    return _Job(
        name=name,
        tuned=dict(summary.get("TunedHyperParameters") or {}),
        metric=str(metric.get("MetricName", "objective")),
        value=number(metric.get("Value", "")),
        is_best=name == best,
    )


def _common_prefix(names: Sequence[str]) -> str:
    """The common prefix of all names up to the last hyphen; the rows leave it out."""
    start = names[0][: names[0].rfind("-") + 1]
    return start if len(names) > 1 and all(name.startswith(start) for name in names) else ""


def _table(jobs: Sequence[_Job], prefix: str) -> Html:
    metric = next((job.metric for job in jobs if job.value), "objective")
    tuned = list(dict.fromkeys(name for job in jobs for name in job.tuned))
    columns = [Column("Job"), Column(metric, "number"), *(Column(name, "number") for name in tuned)]
    return table(CAPTION, columns, [_row(job, columns, tuned, prefix) for job in jobs], "tuning")


def _row(job: _Job, columns: Sequence[Column], tuned: Sequence[str], prefix: str) -> Html:
    name = join(code(job.name.removeprefix(prefix)), badge("good", "best") if job.is_best else None)
    values = [_short(job.tuned.get(name, "")) for name in tuned]
    return row(columns, [name, job.value, *values], "best" if job.is_best else None)


def _short(value: object) -> str:
    """A hyperparameter, which is text, to four digits unless it is an integer."""
    text = str(value)
    try:
        return text if text.lstrip("-").isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text
