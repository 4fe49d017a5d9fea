"""The head of the page, its contents, and the summary table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlops_kit.report.elements import Column, Html, code, facts, html, join, row, table
from mlops_kit.report.entries import Entry, results, verdict
from mlops_kit.report.messages import ANCHOR, TITLE
from mlops_kit.report.statuses import badge, status
from mlops_kit.report.times import moment
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.text import count, duration

COLUMNS = [Column("What"), Column("Execution"), Column("Status"), Column("Time", "number"), Column("Result")]


def page_head(
    project: str, title: str, executions: Sequence[ExecutionRecord], entries: Sequence[Entry], events: Counter[str]
) -> Html:
    """The project, the result of the rehearsal, and the key facts."""
    return html(
        "header",
        html("p", title, class_="eyebrow"),
        html("h1", project),
        _overall(entries),
        facts(
            [
                ("when", _when(executions)),
                ("executions", _counted(executions)),
                ("events", _events(events)),
                ("definitions", [html("span", code(name)) for name in sorted({run.pipeline for run in executions})]),
            ],
            "facts head",
        ),
        class_="masthead",
    )


def _overall(entries: Sequence[Entry]) -> Html | None:
    """Whether all steps of the rehearsal passed; None if there was no rehearsal."""
    steps = [entry.rehearsed for entry in entries if entry.rehearsed]
    if not steps:
        return None
    failures = sum(bool(step.failure) for step in steps)
    if failures:
        return html("p", badge("bad", f"{failures} of {count(len(steps), 'step')} failed"), class_="verdict")
    left_out = sum(bool(step.left_out) for step in steps)
    if left_out:
        words = f"{len(steps) - left_out} of {count(len(steps), 'step')} passed, {left_out} left out"
        return html("p", badge("quiet", words), class_="verdict")
    return html("p", badge("good", f"All {count(len(steps), 'step')} passed"), class_="verdict")


def _when(executions: Sequence[ExecutionRecord]) -> Html | str:
    started = [execution.started for execution in executions if execution.started]
    ended = [execution.ended for execution in executions if execution.ended]
    if not started:
        return "nothing has run yet"
    if len(ended) < len(executions):
        return join(moment(min(started)), ", not all have ended")
    return join(moment(min(started)), ", for ", duration((max(ended) - min(started)).total_seconds()))


def _counted(executions: Sequence[ExecutionRecord]) -> str:
    statuses = Counter(execution.status.lower() for execution in executions)
    by_status = ", ".join(f"{amount} {name}" for name, amount in statuses.items())
    return f"{len(executions)} ({by_status})" if executions else "none"


def _events(events: Counter[str]) -> Html | str:
    if not events:
        return "none"
    by_kind = facts(((kind, f"{amount:,}") for kind, amount in events.most_common()), "facts events")
    return html("details", html("summary", f"{events.total():,} on the bus"), by_kind)


def summary_table(entries: Sequence[Entry]) -> Html:
    """All entries in order; each row links to its section."""
    rows = [_row(entry) for entry in entries]
    return html(
        "section",
        html("h2", "What happened", id="summary"),
        table("Executions in the order they started", COLUMNS, rows, "summary")
        if rows
        else html("p", "No executions are recorded yet.", class_="absent"),
        class_="entry",
        aria_labelledby="summary",
    )


def _row(entry: Entry) -> Html:
    execution = entry.execution
    name = join(
        entry.ordinal,
        html("a" if execution else "span", entry.title, href=f"#{entry.anchor}" if execution else None, class_="to"),
        verdict(entry.rehearsed),
    )
    if execution is None:
        missing = entry.rehearsed.execution_id if entry.rehearsed else None
        return row(COLUMNS, [name, f"the record of {missing} is missing" if missing else "", "", "", ""])
    return row(
        COLUMNS,
        [
            name,
            join(html("span", execution.kind, class_="kind"), code(execution.id)),
            status(execution.status),
            duration(execution.seconds),
            html("ul", [html("li", words) for words in results(entry)], class_="plain"),
        ],
    )


def contents(entries: Sequence[Entry], with_messages: bool = False) -> Html:
    """The table of contents, at the side of the page where there is room.

    Args:
        entries: the entries of the page.
        with_messages: whether the page has the section of messages.
    """
    links = [
        html("li", html("a", entry.ordinal, entry.title, href=f"#{entry.anchor}"))
        for entry in entries
        if entry.execution
    ]
    first, *last = [
        html("li", html("a", words, href=f"#{anchor}"))
        for words, anchor in (("What happened", "summary"), (TITLE, ANCHOR), ("Model versions", "models"))
        if anchor != ANCHOR or with_messages
    ]
    return html("nav", html("ol", first, links, last), aria_label="Contents")
