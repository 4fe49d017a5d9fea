"""The steps of an execution as a table, with notes, logs and output files."""

from __future__ import annotations

from pathlib import PurePosixPath

from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.elements import Column, Html, code, html, join, link_to, row, table
from mlops_kit.report.graph import step_id
from mlops_kit.report.statuses import status
from mlops_kit.runner.record import ExecutionRecord, StepRecord
from mlops_kit.runner.step_result import OutputFile
from mlops_kit.text import count, step_duration

COLUMNS = [Column("Step"), Column("Status"), Column("Time", "number"), Column("Notes"), Column("Files")]
MAX_FILES = 8


def step_table(position: int, execution: ExecutionRecord, artifacts: Artifacts) -> Html:
    """All steps, in the order of the definition.

    Args:
        position: the position of the execution on the page, from 1.
        execution: the execution.
        artifacts: the files of all executions.
    """
    if not execution.steps:
        return html("p", "No steps are recorded.", class_="absent")
    rows = [
        row(
            COLUMNS,
            [
                _name(step),
                status(step.status),
                step_duration(step.seconds, step.cache_hit),
                _notes(step),
                _files(step, artifacts),
            ],
            "dim" if step.status in ("Skipped", "Waiting") else None,
            step_id(position, step.name, execution),
        )
        for step in execution.steps
    ]
    return table("Steps, in the order of the definition", COLUMNS, rows, "steps")


def _name(step: StepRecord) -> Html:
    attempts = f"{step.attempts} attempts" if step.attempts > 1 else ""
    return join(code(step.name), html("small", " · ".join(filter(None, (step.type, attempts)))))


def _notes(step: StepRecord) -> Html:
    return join(
        html("p", step.reason, class_="reason") if step.reason else None,
        html("p", step.note) if step.note else None,
    )


def _files(step: StepRecord, artifacts: Artifacts) -> Html:
    outputs = None
    if step.files:
        items = html("ul", [html("li", _output(file, artifacts)) for file in step.files])
        outputs = html("details", html("summary", count(len(step.files), "output")), items)
    return join(_link(step.log, "log", artifacts) if step.log else None, outputs)


def _output(file: OutputFile, artifacts: Artifacts) -> Html:
    files = [path for path in artifacts.inside(file) if path != file.path]
    links = [html("li", link_to(path, PurePosixPath(path).name)) for path in files[:MAX_FILES]]
    if len(files) > MAX_FILES:
        links.append(html("li", f"and {len(files) - MAX_FILES} more"))
    return join(
        _link(file.path, file.name, artifacts),
        html("ul", links) if links else None,
        code(file.s3_uri) if file.s3_uri else None,
    )


def _link(path: str, label: str, artifacts: Artifacts) -> Html:
    return link_to(path, label) if artifacts.path(path) else html("span", f"{label} is missing", class_="absent")
