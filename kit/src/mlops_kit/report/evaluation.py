"""The results of an evaluation: the metric against its threshold and the champion, all metrics, the plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.bullet_chart import Measure, bullet_chart, measure_of
from mlops_kit.report.elements import Column, Html, Section, code, facts, html, join, keyed, number, row, table
from mlops_kit.report.gates import gates_of
from mlops_kit.report.statuses import badge
from mlops_kit.runner.record import StepRecord
from mlops_kit.text import count


def evaluation_of(step: StepRecord, artifacts: Artifacts) -> Section | None:
    """The content of a step's evaluation.json, with its plots."""
    content, plots = artifacts.json_of(step, "evaluation.json"), _plots(step, artifacts)
    if content is None:
        return Section("Plots", "", plots) if plots else None
    champion = content.get("champion") or {}
    measure = measure_of(content, bool(content.get("met")), _champion_value(content, champion))
    if measure is None:
        return Section("Evaluation", "", join(html("p", "evaluation.json has no value.", class_="absent"), plots))
    comparison = "" if measure.champion is None else f", {_gain(champion)} than the champion"
    verb = "meets" if measure.met else "misses"
    is_guessing = content.get("beats_baseline") is False
    guessing = ", no better than a constant prediction" if is_guessing else ""
    missed = int((content.get("gates") or {}).get("missed") or 0)
    gates = f", misses {count(missed, 'gate')}" if missed else ""
    headline = (
        f"{measure.metric.name} {number(measure.value)} {verb} the threshold {number(measure.threshold)}"
        f"{guessing}{gates}{comparison}"
    )
    is_good = measure.met and not is_guessing and not missed
    body = join(
        html("p", badge("good" if is_good else "bad", headline), class_="verdict"),
        bullet_chart(measure, headline),
        _facts(content, measure, champion),
        _metrics(content, champion),
        _classes(content),
        gates_of(content),
        plots,
    )
    return Section("Evaluation", headline, body)


def _champion_value(content: Mapping[str, Any], champion: Mapping[str, Any]) -> float | None:
    value = (champion.get("metrics") or {}).get(content.get("metric"))
    return float(value) if champion.get("compared") and isinstance(value, (int, float)) else None


def _gain(champion: Mapping[str, Any]) -> str:
    gain = float(champion.get("gain") or 0.0)
    if gain == 0:
        return "no better"
    return f"{number(gain)} better" if gain > 0 else f"{number(-gain)} worse"


def _facts(content: Mapping[str, Any], measure: Measure, champion: Mapping[str, Any]) -> Html:
    if measure.champion is None:
        compared: Html | str = f"not compared: {champion.get('why') or 'nothing is recorded'}"
    else:
        compared = keyed("champion", number(measure.champion))
    return facts(
        [
            (measure.metric.name, keyed("bar good" if measure.met else "bar bad", number(measure.value))),
            ("threshold", keyed("threshold", measure.bound)),
            *([("a constant reaches", number(content["baseline"]))] if "baseline" in content else []),
            *_decision(content),
            ("test rows", number(content.get("rows", ""))),
            ("champion", compared),
        ]
    )


def _decision(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """From which probability on a row is positive, where the contract has an aim for it."""
    decision = content.get("decision") or {}
    if "aim" not in decision:
        return []
    limits = " and ".join(f"{name} at least {number(value)}" for name, value in decision.get("at_least", {}).items())
    aim = f"{decision['aim']} with {limits}" if limits else decision["aim"]
    return [("positive from", f"{number(decision['threshold'])}, chosen for {aim}")]


def _metrics(content: Mapping[str, Any], champion: Mapping[str, Any]) -> Html | None:
    """Every metric, with the champion's beside it where both were measured on the same rows."""
    own = {
        name: metric.get("value")
        for key, group in content.items()
        if key.endswith("_metrics") and isinstance(group, dict)
        for name, metric in group.items()
        if isinstance(metric, dict)
    }
    theirs = (champion.get("metrics") or {}) if champion.get("compared") else {}
    if not own:
        return None
    columns = [Column("Metric"), Column("This model", "number"), *([Column("Champion", "number")] if theirs else [])]
    rows = [
        row(columns, [name, number(value), *([number(theirs.get(name, ""))] if theirs else [])])
        for name, value in own.items()
    ]
    return table("Metrics on the test split", columns, rows, "figures")


def _classes(content: Mapping[str, Any]) -> Html | None:
    """Precision and recall of each class."""
    entries = content.get("classes") or []
    if not entries:
        return None
    columns = [Column("Class"), *(Column(title, "number") for title in ("Precision", "Recall", "Rows"))]
    rows = [
        row(
            columns,
            [code(str(entry["class"])), *(_measured(entry.get(key)) for key in ("precision", "recall", "rows"))],
        )
        for entry in entries
    ]
    return table("Precision and recall by class", columns, rows, "figures")


def _measured(value: object) -> str:
    return "undefined" if value is None else number(value)


def _plots(step: StepRecord, artifacts: Artifacts) -> Html | None:
    images = [html("img", src=uri, alt=f"Plot: {name.replace('_', ' ')}") for name, uri in artifacts.plots(step)]
    return html("div", images, class_="plots") if images else None
