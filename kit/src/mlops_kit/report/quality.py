"""The results of the quality checks: drift of the data, what was counted in it, and the metric on labelled rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops_jobs.monitor_names import unescaped
from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.bullet_chart import bullet_chart, measure_of
from mlops_kit.report.elements import Column, Html, Section, code, facts, html, join, keyed, number, row, table
from mlops_kit.report.histogram import bars_of, two_histograms
from mlops_kit.report.missing_cells import Features, features_of, missing_cells
from mlops_kit.report.statuses import badge, status
from mlops_kit.runner.record import StepRecord
from mlops_kit.text import count

DRIFT = "baseline_drift_check"
COUNTED_APART = (
    "Cells that the model cannot use (unseen or respelled categories, missing cells, numbers below zero) are counted "
    "and judged apart: see the step that reports DataQuality."
)


def model_quality_of(step: StepRecord, artifacts: Artifacts) -> Section | None:
    """The content of a step's verdict.json."""
    content = artifacts.json_of(step, "verdict.json")
    if content is None:
        return None
    verdict = str(content.get("verdict"))
    measure, metric = measure_of(content, met=verdict == "PASS"), str(content.get("metric"))
    rows = content.get("rows") or {}
    counted = [(f"rows {name}", number(amount)) for name, amount in rows.items()]
    if measure is None:
        headline = f"model quality {verdict}: {metric} was not measured"
        reason = str(content.get("reason") or "")
        sentence = html("p", status(verdict), f" {metric} was not measured", class_="verdict")
        body = join(sentence, html("p", reason, class_="reason") if reason else None, facts(counted))
        return Section("Model quality", headline, body)
    value = number(measure.value)
    headline = f"model quality {verdict}: {metric} {value}, threshold {number(measure.threshold)}"
    measured = [
        (metric, keyed("bar good" if measure.met else "bar bad", value)),
        ("threshold", keyed("threshold", measure.bound)),
    ]
    sentence = html("p", status(verdict), f" {metric} {value}, and {measure.bound} is accepted", class_="verdict")
    body = join(sentence, bullet_chart(measure, headline), facts([*measured, *counted]))
    return Section("Model quality", headline, body)


def data_quality_of(step: StepRecord, artifacts: Artifacts) -> Section | None:
    """The content of a step's constraint_violations.json, with the distributions of the drifted features."""
    content = artifacts.json_of(step, "constraint_violations.json")
    if content is None:
        return None
    violations = [item for item in content.get("violations") or [] if isinstance(item, dict)]
    for violation in violations:
        violation["feature_name"] = unescaped(str(violation.get("feature_name", "")))
    if not violations:
        headline = "the comparison of distributions found no drift"
        body = join(
            html("p", badge("good", "The comparison of distributions found no drift"), class_="verdict"),
            html("p", COUNTED_APART, class_="reason"),
            _missing(step, artifacts),
        )
        return Section("Data quality", headline, body)
    headline = count(len(violations), "data-quality violation")
    body = join(
        html("p", badge("bad", headline), class_="verdict"),
        _violations(violations, "Violations of the baseline's constraints"),
        _distributions(step, violations, artifacts),
        _missing(step, artifacts),
    )
    return Section("Data quality", headline, body)


def counted_of(step: StepRecord, _: Artifacts) -> Section | None:
    """The violations that follow from what was counted in a batch: an output of the step that makes the verdict."""
    violations = json.loads(str(step.outputs.get("Counted") or "[]"))
    if not violations:
        return None
    headline = (
        count(len(violations), "data-quality violation")
        + ": "
        + ", ".join(f"{violation['feature']} ({words(violation['check'])})" for violation in violations)
    )
    renamed = [
        {
            "feature_name": violation["feature"],
            "constraint_check_type": violation["check"],
            "description": violation["description"],
        }
        for violation in violations
    ]
    body = join(
        html("p", badge("bad", count(len(violations), "data-quality violation")), class_="verdict"),
        _violations(renamed, "Cells that the model cannot use"),
    )
    return Section("Counted in the batch", headline, body)


def words(check: str) -> str:
    """The name of a check as words."""
    return check.replace("_", " ")


def _violations(violations: list[dict[str, Any]], caption: str) -> Html:
    columns = [Column("Feature"), Column("Check"), Column("Details")]
    rows = [
        row(
            columns,
            [
                code(str(violation.get("feature_name", ""))),
                words(str(violation.get("constraint_check_type", ""))),
                str(violation.get("description", "")),
            ],
        )
        for violation in violations
    ]
    return table(caption, columns, rows, "violations")


def _distributions(step: StepRecord, violations: list[dict[str, Any]], artifacts: Artifacts) -> Html | None:
    """The distributions of the drifted features, in training and now."""
    before, after = _before_and_after(step, artifacts)
    drifted = dict.fromkeys(
        str(item.get("feature_name")) for item in violations if item.get("constraint_check_type") == DRIFT
    )
    drawn = [
        html(
            "figure",
            two_histograms(bars, now, f"Distribution of {name}: {_moved(before[name], after[name])}"),
            html("figcaption", code(name), html("span", _moved(before[name], after[name]), class_="moved")),
        )
        for name in drifted
        if (bars := bars_of(before.get(name, {}))) and (now := bars_of(after.get(name, {})))
    ]
    if not drawn:
        return None
    legend = html(
        "p",
        keyed("before", "in training"),
        keyed("after", "this batch"),
        class_="legend",
    )
    return html("div", legend, html("div", drawn, class_="histograms"), class_="distributions")


def _before_and_after(step: StepRecord, artifacts: Artifacts) -> tuple[Features, Features]:
    """The statistics of each column, of the training split and of the batch."""
    baseline = artifacts.json_at(str(step.result.get("BaselineUsedForDriftCheckStatistics", "")))
    return features_of(baseline), features_of(artifacts.json_of(step, "statistics.json"))


def _missing(step: StepRecord, artifacts: Artifacts) -> Html | None:
    before, after = _before_and_after(step, artifacts)
    return missing_cells({"In training": before, "This batch": after})


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    means = [feature["numerical_statistics"].get("mean") for feature in (before, after)]
    return f"mean {number(means[0])} to {number(means[1])}"
