"""Keep the record of an execution up to date while it runs, and notify whoever follows it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mlops_kit.runner.graph import Node
from mlops_kit.runner.record import ENDED, ExecutionRecord, StepRecord, current_time, write_record

Listener = Callable[[ExecutionRecord], None]
Part = TypeVar("Part", ExecutionRecord, StepRecord)


@dataclass(frozen=True)
class Change:
    """A change of status.

    Attributes:
        record: the execution after it.
        step: the step after it; None when the execution itself changed.
        previous: the status before; None when the execution has just begun.
    """

    record: ExecutionRecord
    step: StepRecord | None
    previous: str | None


class Recorder:
    """Keeps the record of one execution, and reports each change of status in the order they happen.

    Args:
        record: the initial record.
        folder: the folder of its file.
        on_change: is called with each change; neither it nor a listener may wait for a step.
    """

    def __init__(self, record: ExecutionRecord, folder: Path, on_change: Callable[[Change], None]) -> None:
        self.folder = folder
        self._record = record
        self._on_change = on_change
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()

    @property
    def record(self) -> ExecutionRecord:
        """The record at this moment."""
        return self._record

    @property
    def status(self) -> str:
        """The execution's status."""
        return self._record.status

    def begin(self, nodes: Sequence[Node] = ()) -> None:
        """Write the file for the first time, with the steps of the definition."""
        steps = tuple(StepRecord(node.name, node.type, node.needs, node.branch) for node in nodes)
        with self._lock:
            self._record = replace(self._record, started=current_time(), steps=steps)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_record(self._record, self.folder)
            self._notify(Change(self._record, None, None))

    def change(self, **changes: Any) -> None:
        """Set some of the execution's fields."""
        with self._lock:
            previous = self._record.status
            self._record = _changed(self._record, changes)
            write_record(self._record, self.folder)
            if self._record.status != previous:
                self._notify(Change(self._record, None, previous))

    def change_step(self, name: str, **changes: Any) -> None:
        """Set some of a step's fields."""
        with self._lock:
            before = self._record.step(name)
            after = _changed(before, changes)
            if after.status == "Starting" and after.started is None:
                after = replace(after, started=current_time())
            steps = tuple(after if step is before else step for step in self._record.steps)
            self._record = replace(self._record, steps=steps)
            write_record(self._record, self.folder)
            if after.status != before.status:
                self._notify(Change(self._record, after, before.status))

    def listen(self, listener: Listener) -> None:
        """Call a listener with the record now, and after each change of status."""
        with self._lock:
            self._listeners.append(listener)
            listener(self._record)

    def step_status(self, name: str) -> str:
        """A step's status."""
        return self._record.step(name).status

    def _notify(self, change: Change) -> None:
        self._on_change(change)
        for listener in list(self._listeners):
            try:
                listener(change.record)
            except Exception:  # a faulty listener must not end the execution
                self._listeners.remove(listener)
                traceback.print_exc()


def _changed(part: Part, changes: dict[str, Any]) -> Part:
    """The execution or a step with other values; the first status that ends it sets its end."""
    after = replace(part, **changes)
    return replace(after, ended=current_time()) if after.status in ENDED and after.ended is None else after
