"""What the page tells, in order: executions, and the chapters of a story that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from mlops_kit.definition.triggers import KIND, NEW_DATA, QUALITY_VIOLATION, SCHEDULE
from mlops_kit.report.elements import Finding, Html, html
from mlops_kit.report.statuses import badge
from mlops_kit.runner.record import ExecutionRecord

REGISTRATION = "RegisterModel"
CAUSES = {NEW_DATA: "new data", QUALITY_VIOLATION: "a violation", SCHEDULE: "its schedule"}


@dataclass(frozen=True)
class Entry:
    """One row of the summary, and one section of the page where there is an execution.

    Attributes:
        place: on the page, from 1.
        number: of its chapter, or of the execution where no story is told; None of an execution beside a story.
        chapter: title, said, expected, held, execution_id; None of an execution that is in no chapter.
        findings: what its steps found.
    """

    place: int
    number: int | None
    execution: ExecutionRecord | None
    chapter: Mapping[str, Any] | None
    findings: tuple[Finding, ...] = ()

    @property
    def title(self) -> str:
        """What it is called on the page."""
        if self.chapter and self.chapter.get("title"):
            return str(self.chapter["title"])
        if self.execution is None:
            return "Untitled"
        return self.execution.kind if self.number else _beside(self.execution)

    @property
    def anchor(self) -> str:
        """Its section's."""
        return f"execution-{self.place}"

    @property
    def ordinal(self) -> Html | None:
        """Its number, where it has one."""
        return html("span", str(self.number), class_="ordinal") if self.number else None


def entries_of(
    executions: Sequence[ExecutionRecord],
    chapters: Sequence[Mapping[str, Any]],
    find: Callable[[ExecutionRecord], tuple[Finding, ...]],
) -> list[Entry]:
    """Everything to tell, in order, the chapters numbered as they were when the story was told.

    Args:
        executions: as they started.
        chapters: of the story; none where none is told.
        find: what an execution's steps found.
    """
    numbers = count(1)
    return [
        Entry(
            place=place,
            number=next(numbers) if chapter or not chapters else None,
            execution=execution,
            chapter=chapter,
            findings=find(execution) if execution else (),
        )
        for place, (execution, chapter) in enumerate(in_order(executions, chapters), start=1)
    ]


def in_order(
    executions: Sequence[ExecutionRecord], chapters: Sequence[Mapping[str, Any]]
) -> list[tuple[ExecutionRecord | None, Mapping[str, Any] | None]]:
    """Executions as they started; a chapter without one comes after the chapter before it."""
    of_id = {execution.id: execution for execution in executions}
    told = [(of_id.pop(str(chapter.get("execution_id")), None), chapter) for chapter in chapters]
    untold = list(of_id.values())
    merged: list[tuple[ExecutionRecord | None, Mapping[str, Any] | None]] = []
    for execution, chapter in told:
        while execution and untold and executions.index(untold[0]) < executions.index(execution):
            merged.append((untold.pop(0), None))
        merged.append((execution, chapter))
    return merged + [(execution, None) for execution in untold]


def _beside(execution: ExecutionRecord) -> str:
    """What an execution is called that a story caused, and did not wait for."""
    cause = CAUSES.get(str(execution.parameters.get(KIND)))
    return f"Beside the story: {execution.kind}" + (f", started by {cause}" if cause else "")


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
