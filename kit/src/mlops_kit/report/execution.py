"""The section of one execution: its graph, the results of its steps, the steps, the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.elements import Html, code, facts, html
from mlops_kit.report.entries import Entry, verdict
from mlops_kit.report.graph import draw_graph
from mlops_kit.report.statuses import status
from mlops_kit.report.step_table import step_table
from mlops_kit.report.times import moment
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.text import count, duration


def execution_section(entry: Entry, execution: ExecutionRecord, artifacts: Artifacts) -> Html:
    """The section of an execution.

    Args:
        entry: its entry.
        execution: the execution of the entry.
        artifacts: the files of all executions.
    """
    drawing = html("figure", draw_graph(entry.position, execution), class_="drawing") if execution.steps else None
    details = html(
        "div",
        [_panel(section.title, section.body) for section in entry.sections],
        _panel("Steps", step_table(entry.position, execution, artifacts)),
        _parameters(execution.parameters),
        class_="details",
    )
    return html(
        "section",
        _head(entry, execution),
        html("div", drawing, details, class_="sides"),
        class_="entry",
        id=entry.anchor,
        aria_labelledby=f"{entry.anchor}-title",
    )


def _head(entry: Entry, execution: ExecutionRecord) -> Html:
    meta = (
        execution.kind,
        code(execution.id),
        moment(execution.started) or "not started",
        duration(execution.seconds) or "not finished",
    )
    return html(
        "header",
        html("h2", entry.ordinal, entry.title, id=f"{entry.anchor}-title"),
        verdict(entry.rehearsed),
        html("p", status(execution.status), [html("span", text) for text in meta], class_="meta"),
        html("p", execution.reason, class_="reason") if execution.reason else None,
    )


def _panel(title: str, body: Html) -> Html:
    return html("section", html("h3", title), body, class_="panel")


def _parameters(parameters: Mapping[str, Any]) -> Html | None:
    if not parameters:
        return None
    listed = facts(((name, code(str(value))) for name, value in parameters.items()), "facts parameters")
    return html("details", html("summary", count(len(parameters), "parameter")), listed, class_="panel")
