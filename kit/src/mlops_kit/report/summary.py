"""The head of the page, and the table of everything that happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlops_kit.report.chapters import Entry, ending, outcome
from mlops_kit.report.elements import Column, Html, code, facts, html, join, row, table
from mlops_kit.report.messages import ANCHOR, TITLE
from mlops_kit.report.statuses import badge, status
from mlops_kit.report.times import moment
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.text import count, duration

COLUMNS = [Column("What"), Column("Execution"), Column("Status"), Column("Time", "number"), Column("What came out")]


def page_head(
    project: str, title: str, executions: Sequence[ExecutionRecord], entries: Sequence[Entry], events: Counter[str]
) -> Html:
    """What this page is about, and whether all is well."""
    return html(
        "header",
        html("p", title, class_="eyebrow"),
        html("h1", project),
        _whole(entries),
        facts(
            [
                ("when", _when(executions)),
                ("executions", _counted(executions)),
                ("events", _events(events)),
                ("definitions", [html("span", code(name)) for name in sorted({one.pipeline for one in executions})]),
            ],
            "facts head",
        ),
        class_="masthead",
    )


def _whole(entries: Sequence[Entry]) -> Html | None:
    """Whether the story held, where one is told."""
    chapters = [entry.chapter for entry in entries if entry.chapter]
    if not chapters:
        return None
    held = sum(bool(chapter.get("held")) for chapter in chapters)
    if held == len(chapters):
        words = f"Everything ended as it should, in {count(len(chapters), 'chapter')}"
        return html("p", badge("good", words), class_="verdict")
    words = f"{len(chapters) - held} of {count(len(chapters), 'chapter')} ended otherwise than it should"
    return html("p", badge("bad", words), class_="verdict")


def _when(executions: Sequence[ExecutionRecord]) -> Html | str:
    started = [one.started for one in executions if one.started]
    ended = [one.ended for one in executions if one.ended]
    if not started:
        return "nothing has run yet"
    if len(ended) < len(executions):
        return join(moment(min(started)), ", not all have ended")
    return join(moment(min(started)), ", for ", duration((max(ended) - min(started)).total_seconds()))


def _counted(executions: Sequence[ExecutionRecord]) -> str:
    statuses = Counter(one.status.lower() for one in executions)
    each = ", ".join(f"{amount} {name}" for name, amount in statuses.items())
    return f"{len(executions)} ({each})" if executions else "none"


def _events(events: Counter[str]) -> Html | str:
    if not events:
        return "none"
    listed = facts(((kind, f"{amount:,}") for kind, amount in events.most_common()), "facts events")
    return html("details", html("summary", f"{events.total():,} on the bus"), listed)


def summary_table(entries: Sequence[Entry]) -> Html:
    """Everything that happened, in order, each row leading to its section."""
    rows = [_row(entry) for entry in entries]
    return html(
        "section",
        html("h2", "What happened", id="summary"),
        table("Executions in the order they started", COLUMNS, rows, "summary")
        if rows
        else html("p", "No execution is recorded yet.", class_="absent"),
        class_="chapter",
        aria_labelledby="summary",
    )


def _row(entry: Entry) -> Html:
    execution, chapter = entry.execution, entry.chapter or {}
    name = join(
        entry.ordinal,
        html("a" if execution else "span", entry.title, href=f"#{entry.anchor}" if execution else None, class_="to"),
        ending(entry.chapter),
    )
    if execution is None:
        missing = chapter.get("execution_id")
        return row(COLUMNS, [name, f"the record of {missing} is not there" if missing else "", "", "", ""])
    return row(
        COLUMNS,
        [
            name,
            join(html("span", execution.kind, class_="kind"), code(execution.id)),
            status(execution.status),
            duration(execution.seconds),
            html("ul", [html("li", words) for words in outcome(entry)], class_="plain"),
        ],
    )


def contents(entries: Sequence[Entry], with_messages: bool = False) -> Html:
    """The way through the page, beside it where there is room.

    Args:
        entries: the sections in the middle.
        with_messages: whether the section of the messages follows them.
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
