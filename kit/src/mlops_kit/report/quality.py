"""What the two quality checks found: drift of the data, and what labels say of the model."""

from __future__ import annotations

from typing import Any

from mlops_kit.report.artifacts import Shelf
from mlops_kit.report.bullet_chart import bullet, measure_of
from mlops_kit.report.elements import Column, Finding, Html, code, facts, html, join, keyed, number, row, table
from mlops_kit.report.histogram import bars_of, two_histograms
from mlops_kit.report.statuses import badge, status
from mlops_kit.runner.record import StepRecord
from mlops_kit.text import count

DRIFT = "baseline_drift_check"


def model_quality_of(step: StepRecord, shelf: Shelf) -> Finding | None:
    """What verdict.json of a step says."""
    content = shelf.json_of(step, "verdict.json")
    if content is None:
        return None
    verdict = str(content.get("verdict"))
    measure, metric = measure_of(content, met=verdict == "PASS"), str(content.get("metric"))
    rows = content.get("rows") or {}
    counted = [(f"rows {name}", number(amount)) for name, amount in rows.items()]
    if measure is None:
        headline = f"model quality {verdict}: {metric} was not measured"
        body = join(html("p", status(verdict), f" {metric} was not measured", class_="verdict"), facts(counted))
        return Finding("Model quality", headline, body)
    value = number(measure.value)
    headline = f"model quality {verdict}: {metric} {value}, threshold {number(measure.threshold)}"
    measured = [
        (metric, keyed("bar good" if measure.met else "bar bad", value)),
        ("threshold", keyed("threshold", measure.bound)),
    ]
    said = html("p", status(verdict), f" {metric} {value}, and {measure.bound} is accepted", class_="verdict")
    body = join(said, bullet(measure, headline), facts([*measured, *counted]))
    return Finding("Model quality", headline, body)


def data_quality_of(step: StepRecord, shelf: Shelf) -> Finding | None:
    """What constraint_violations.json of a step says, with the distributions of what has drifted."""
    content = shelf.json_of(step, "constraint_violations.json")
    if content is None:
        return None
    violations = [one for one in content.get("violations") or [] if isinstance(one, dict)]
    if not violations:
        headline = "no data-quality violation"
        body = html("p", badge("good", "Every feature is as the baseline says"), class_="verdict")
        return Finding("Data quality", headline, body)
    headline = count(len(violations), "data-quality violation")
    body = join(
        html("p", badge("bad", headline), class_="verdict"),
        _violations(violations),
        _distributions(step, violations, shelf),
    )
    return Finding("Data quality", headline, body)


def _violations(violations: list[dict[str, Any]]) -> Html:
    columns = [Column("Feature"), Column("Check"), Column("What was found")]
    rows = [
        row(
            columns,
            [
                code(str(one.get("feature_name", ""))),
                str(one.get("constraint_check_type", "")).replace("_", " "),
                str(one.get("description", "")),
            ],
        )
        for one in violations
    ]
    return table("Violations of the baseline's constraints", columns, rows, "violations")


def _distributions(step: StepRecord, violations: list[dict[str, Any]], shelf: Shelf) -> Html | None:
    """The features that have drifted, as they were in training and as they are now."""
    before = _features(shelf.json_at(str(step.result.get("BaselineUsedForDriftCheckStatistics", ""))))
    after = _features(shelf.json_of(step, "statistics.json"))
    drifted = dict.fromkeys(
        str(one.get("feature_name")) for one in violations if one.get("constraint_check_type") == DRIFT
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
        keyed("before", "when trained"),
        keyed("after", "this batch"),
        class_="legend",
    )
    return html("div", legend, html("div", drawn, class_="histograms"), class_="distributions")


def _features(statistics: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    return {str(one.get("name")): one for one in (statistics or {}).get("features") or []}


def _moved(before: dict[str, Any], after: dict[str, Any]) -> str:
    means = [one["numerical_statistics"].get("mean") for one in (before, after)]
    return f"mean {number(means[0])} to {number(means[1])}"
