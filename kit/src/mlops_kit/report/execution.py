"""The section of one execution: its graph, what its steps found, the steps, the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_kit.report.artifacts import Shelf
from mlops_kit.report.chapters import Entry, ending
from mlops_kit.report.elements import Html, code, facts, html
from mlops_kit.report.graph import draw_graph
from mlops_kit.report.statuses import status
from mlops_kit.report.step_table import step_table
from mlops_kit.report.times import moment
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.text import count, duration


def execution_section(entry: Entry, execution: ExecutionRecord, shelf: Shelf) -> Html:
    """All that is known of an execution.

    Args:
        entry: what it stands for on the page.
        execution: the one of the entry.
        shelf: where its files lie.
    """
    drawing = html("figure", draw_graph(entry.place, execution), class_="drawing") if execution.steps else None
    told = html(
        "div",
        [_panel(finding.title, finding.body) for finding in entry.findings],
        _panel("Steps", step_table(entry.place, execution, shelf)),
        _parameters(execution.parameters),
        class_="told",
    )
    return html(
        "section",
        _head(entry, execution),
        html("div", drawing, told, class_="sides"),
        class_="chapter",
        id=entry.anchor,
        aria_labelledby=f"{entry.anchor}-title",
    )


def _head(entry: Entry, execution: ExecutionRecord) -> Html:
    meta = (
        execution.kind,
        code(execution.id),
        moment(execution.started) or "not started",
        duration(execution.seconds) or "no end recorded",
    )
    return html(
        "header",
        html("h2", entry.ordinal, entry.title, id=f"{entry.anchor}-title"),
        ending(entry.chapter),
        html("p", status(execution.status), [html("span", one) for one in meta], class_="meta"),
        html("p", execution.reason, class_="reason") if execution.reason else None,
    )


def _panel(title: str, body: Html) -> Html:
    return html("section", html("h3", title), body, class_="panel")


def _parameters(parameters: Mapping[str, Any]) -> Html | None:
    if not parameters:
        return None
    listed = facts(((name, code(str(value))) for name, value in parameters.items()), "facts parameters")
    return html("details", html("summary", count(len(parameters), "parameter")), listed, class_="panel")
