"""The steps of an execution as a table: the graph in words, with what each says and left."""

from __future__ import annotations

from pathlib import PurePosixPath

from mlops_kit.report.artifacts import Shelf
from mlops_kit.report.elements import Column, Html, code, html, join, link_to, row, table
from mlops_kit.report.graph import step_id
from mlops_kit.report.statuses import status
from mlops_kit.runner.record import ExecutionRecord, StepRecord
from mlops_kit.runner.step_result import OutputFile
from mlops_kit.text import count, step_duration

COLUMNS = [Column("Step"), Column("Status"), Column("Time", "number"), Column("What it says"), Column("Files")]
MOST_FILES = 8


def step_table(place: int, execution: ExecutionRecord, shelf: Shelf) -> Html:
    """All steps, in the order of the definition.

    Args:
        place: of the execution on the page, from 1.
        execution: whose steps.
        shelf: where their files lie.
    """
    if not execution.steps:
        return html("p", "No step is recorded.", class_="absent")
    rows = [
        row(
            COLUMNS,
            [_name(step), status(step.status), step_duration(step.seconds, step.cache_hit), _words(step), _files(step, shelf)],
            "dim" if step.status in ("Skipped", "Waiting") else None,
            step_id(place, step.name, execution),
        )
        for step in execution.steps
    ]
    return table("Steps, in the order of the definition", COLUMNS, rows, "steps")


def _name(step: StepRecord) -> Html:
    attempts = f"{step.attempts} attempts" if step.attempts > 1 else ""
    return join(code(step.name), html("small", " · ".join(filter(None, (step.type, attempts)))))


def _words(step: StepRecord) -> Html:
    return join(
        html("p", step.reason, class_="reason") if step.reason else None,
        html("p", step.note) if step.note else None,
    )


def _files(step: StepRecord, shelf: Shelf) -> Html:
    outputs = None
    if step.files:
        listed = html("ul", [html("li", _output(file, shelf)) for file in step.files])
        outputs = html("details", html("summary", count(len(step.files), "output")), listed)
    return join(_link(step.log, "log", shelf) if step.log else None, outputs)


def _output(file: OutputFile, shelf: Shelf) -> Html:
    inside = [path for path in shelf.inside(file) if path != file.path]
    links = [html("li", link_to(path, PurePosixPath(path).name)) for path in inside[:MOST_FILES]]
    if len(inside) > MOST_FILES:
        links.append(html("li", f"and {len(inside) - MOST_FILES} more"))
    return join(
        _link(file.path, file.name, shelf),
        html("ul", links) if links else None,
        code(file.s3_uri) if file.s3_uri else None,
    )


def _link(path: str, label: str, shelf: Shelf) -> Html:
    return link_to(path, label) if shelf.path(path) else html("span", f"{label} is not there", class_="absent")
