"""The entries of the page, in order: executions, and the rehearsal steps that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from mlops_kit.definition.triggers import KIND, NEW_DATA, QUALITY_VIOLATION, SCHEDULE
from mlops_kit.report.elements import Html, Section, html
from mlops_kit.report.statuses import badge
from mlops_kit.runner.record import ExecutionRecord

REGISTRATION = "RegisterModel"
CAUSES = {NEW_DATA: "new data", QUALITY_VIOLATION: "a violation", SCHEDULE: "its schedule"}


@dataclass(frozen=True)
class RehearsedStep:
    """A step of a rehearsal after its end.

    Attributes:
        title: its title.
        expected: its expected outcome.
        failure: what happened instead; empty if the outcome was as expected.
        execution_id: the execution that it ran; None if it ran none.
        left_out: why these data cannot have the outcome; empty if they can.
    """

    title: str
    expected: str
    failure: str = ""
    execution_id: str | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Entry:
    """A row of the summary, and a section of the page if there is an execution.

    Attributes:
        position: its position on the page, from 1.
        number: the number of its rehearsal step, or of the execution if the page shows no rehearsal; None for an
            execution outside the rehearsal's steps.
        execution: None if the step ran none, or its record is missing.
        rehearsed: None for an execution outside the rehearsal's steps.
        sections: the results of the execution's steps.
    """

    position: int
    number: int | None
    execution: ExecutionRecord | None
    rehearsed: RehearsedStep | None
    sections: tuple[Section, ...] = ()

    @property
    def title(self) -> str:
        """Its title on the page."""
        if self.rehearsed and self.rehearsed.title:
            return self.rehearsed.title
        if self.execution is None:
            return "Untitled"
        return self.execution.kind if self.number else _title_outside(self.execution)

    @property
    def anchor(self) -> str:
        """The anchor of its section."""
        return f"execution-{self.position}"

    @property
    def ordinal(self) -> Html | None:
        """Its number, if it has one."""
        return html("span", str(self.number), class_="ordinal") if self.number else None


def entries_of(
    executions: Sequence[ExecutionRecord],
    rehearsal: Sequence[RehearsedStep],
    sections_of: Callable[[ExecutionRecord], tuple[Section, ...]],
) -> list[Entry]:
    """All entries of the page, in order.

    Args:
        executions: in the order in which they started.
        rehearsal: the steps of the rehearsal, in order; empty if there was none.
        sections_of: the results of an execution's steps.
    """
    numbers = count(1)
    return [
        Entry(
            position=position,
            number=next(numbers) if rehearsed or not rehearsal else None,
            execution=execution,
            rehearsed=rehearsed,
            sections=sections_of(execution) if execution else (),
        )
        for position, (execution, rehearsed) in enumerate(in_order(executions, rehearsal), start=1)
    ]


def in_order(
    executions: Sequence[ExecutionRecord], rehearsal: Sequence[RehearsedStep]
) -> list[tuple[ExecutionRecord | None, RehearsedStep | None]]:
    """Executions in the order in which they started; a step without one follows the step before it."""
    by_id = {execution.id: execution for execution in executions}
    steps = [(by_id.pop(step.execution_id or "", None), step) for step in rehearsal]
    others = list(by_id.values())
    merged: list[tuple[ExecutionRecord | None, RehearsedStep | None]] = []
    for execution, step in steps:
        while execution and others and executions.index(others[0]) < executions.index(execution):
            merged.append((others.pop(0), None))
        merged.append((execution, step))
    return merged + [(execution, None) for execution in others]


def _title_outside(execution: ExecutionRecord) -> str:
    """The title of an execution that the rehearsal caused without waiting for it."""
    cause = CAUSES.get(str(execution.parameters.get(KIND)))
    return f"Also ran: {execution.kind}" + (f", started by {cause}" if cause else "")


def verdict(step: RehearsedStep | None) -> Html | None:
    """The expected outcome of a rehearsal step, and what happened instead if it failed."""
    if step is None:
        return None
    if step.left_out:
        return html("p", badge("quiet", f"left out: {step.left_out}"), class_="outcome")
    if not step.failure:
        return html("p", badge("good", ": ".join(filter(None, ("as expected", step.expected)))), class_="outcome")
    expected = html("small", f"expected: {step.expected}") if step.expected else None
    return html("p", badge("bad", step.failure), expected, class_="outcome")


def results(entry: Entry) -> list[str]:
    """The results of its execution, each in a few words."""
    if entry.execution is None:
        return []
    headlines = [section.headline for section in entry.sections]
    registered = [step.note for step in entry.execution.steps if step.type == REGISTRATION]
    return [words for words in (*headlines, *registered, entry.execution.reason) if words]
