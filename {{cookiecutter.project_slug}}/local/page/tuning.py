"""The training jobs of a tuning step, the best one marked."""

from __future__ import annotations

from typing import Any

from local.execution_record import Step
from local.page.elements import Column, Html, code, count, html, join, number, row, table
from local.page.finding import Finding
from local.page.shelf import Shelf
from local.page.statuses import badge

CAPTION = "Training jobs of the tuning"
METRIC = "FinalHyperParameterTuningJobObjectiveMetric"


def tuning_of(step: Step, _: Shelf) -> Finding | None:
    """What a tuning step tried, best first as it is recorded."""
    jobs = [job for job in step.result.get("TrainingJobSummaries") or [] if isinstance(job, dict)]
    if not jobs:
        return None
    best = (step.result.get("BestTrainingJob") or {}).get("TrainingJobName")
    metric = next((str(job[METRIC].get("MetricName")) for job in jobs if METRIC in job), "objective")
    names = list(dict.fromkeys(name for job in jobs for name in job.get("TunedHyperParameters") or {}))
    columns = [Column("Training job"), Column(metric, "number"), *(Column(name, "number") for name in names)]
    rows = [_job(job, columns, names, is_best=job.get("TrainingJobName") == best) for job in jobs]
    value = next((_value(job) for job in jobs if job.get("TrainingJobName") == best), "")
    headline = f"{count(len(jobs), 'training job')}, the best with {metric} {value}" if value else ""
    body = join(
        html("p", headline, class_="verdict") if headline else None,
        html("div", table(CAPTION, columns, rows, "tuning"), class_="scroll", role="region", aria_label=CAPTION, tabindex=0),
    )
    return Finding("Tuning", headline, body)


def _job(job: dict[str, Any], columns: list[Column], names: list[str], is_best: bool) -> Html:
    tuned = job.get("TunedHyperParameters") or {}
    name = join(code(str(job.get("TrainingJobName", ""))), badge("good", "best") if is_best else None)
    return row(
        columns, [name, _value(job), *(_short(tuned.get(one, "")) for one in names)], "best" if is_best else None
    )


def _value(job: dict[str, Any]) -> str:
    return number((job.get(METRIC) or {}).get("Value", ""))


def _short(text: object) -> str:
    """A hyperparameter, which is text, to four digits where it is a number."""
    try:
        return str(text) if str(text).lstrip("-").isdigit() else f"{float(str(text)):.4g}"
    except ValueError:
        return str(text)
