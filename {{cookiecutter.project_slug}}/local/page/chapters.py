"""What the page tells, in order: executions, and the chapters of a story that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.page.elements import Finding, Html, html
from local.page.statuses import badge
from local.past_executions import PastExecution

REGISTRATION = "RegisterModel"


@dataclass(frozen=True)
class Entry:
    """One row of the summary, and one section of the page where there is an execution.

    Attributes:
        chapter: title, said, expected, held, execution_id; None of an execution that is in no story.
        findings: what its steps found.
    """

    number: int
    execution: PastExecution | None
    chapter: Mapping[str, Any] | None
    findings: tuple[Finding, ...] = ()

    @property
    def title(self) -> str:
        """What it is called on the page."""
        if self.chapter and self.chapter.get("title"):
            return str(self.chapter["title"])
        return self.execution.kind if self.execution else "Untitled"

    @property
    def anchor(self) -> str:
        """Its section's."""
        return f"execution-{self.number}"


def in_order(
    executions: Sequence[PastExecution], chapters: Sequence[Mapping[str, Any]]
) -> list[tuple[PastExecution | None, Mapping[str, Any] | None]]:
    """Executions as they started; a chapter without one comes after the chapter before it."""
    of_id = {execution.id: execution for execution in executions}
    told = [(of_id.pop(str(chapter.get("execution_id")), None), chapter) for chapter in chapters]
    untold = list(of_id.values())
    merged: list[tuple[PastExecution | None, Mapping[str, Any] | None]] = []
    for execution, chapter in told:
        while execution and untold and executions.index(untold[0]) < executions.index(execution):
            merged.append((untold.pop(0), None))
        merged.append((execution, chapter))
    return merged + [(execution, None) for execution in untold]


def ending(chapter: Mapping[str, Any] | None) -> Html | None:
    """How a chapter ended, and how it should have, in the story's own words."""
    if chapter is None:
        return None
    said, expected = (str(chapter.get(name) or "") for name in ("said", "expected"))
    if chapter.get("held"):
        return html("p", badge("good", ": ".join(filter(None, ("as expected", said or expected)))), class_="said")
    return html("p", badge("bad", said), html("small", f"expected: {expected}") if expected else None, class_="said")


def outcome(entry: Entry) -> list[str]:
    """What came out of it, in short."""
    if entry.execution is None:
        return []
    found = [finding.headline for finding in entry.findings]
    registered = [step.note for step in entry.execution.steps if step.type == REGISTRATION]
    return [words for words in (*found, *registered, entry.execution.reason) if words]
