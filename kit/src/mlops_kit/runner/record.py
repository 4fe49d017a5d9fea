"""What happened in an execution: one JSON file, kept up to date while it runs."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mlops_kit.runner.graph import Node

Listener = Callable[[dict[str, Any]], None]

FILE = "execution.json"
REPLACE_AGAIN = (0.01, 0.05, 0.2, 1.0)  # seconds to wait before each further attempt
ENDED = ("Succeeded", "Failed", "Stopped", "Skipped")


@dataclass
class StepRecord:
    """A step's part of the file.

    Attributes:
        status: Waiting, Starting, Executing, Succeeded, Failed, Stopped (told to stop, or not run because another
            failed) or Skipped (a branch not taken).
        job_seconds: how long its processes ran, added up.
        result: what it made, shaped like the API's Describe answer.
        cached_from: the ARN of the execution whose result was taken.
        files: outputs with name, s3_uri and path below the working folder.
        note: one line for people.
    """

    name: str
    type: str
    needs: list[str]
    branch: dict[str, Any] | None
    status: str = "Waiting"
    started: str | None = None
    ended: str | None = None
    job_seconds: float = 0.0
    attempts: int = 1
    cache_hit: bool = False
    cached_from: str | None = None
    reason: str = ""
    note: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, str]] = field(default_factory=list)
    log: str | None = None


@dataclass
class ExecutionRecord:
    """The file."""

    id: str
    pipeline: str
    kind: str
    arn: str
    cloud: str  # the address of the local cloud that runs it: where nothing answers any more, it has ended
    parameters: dict[str, Any]
    status: str = "Executing"
    reason: str = ""
    started: str = field(default_factory=lambda: now())
    ended: str | None = None
    steps: list[StepRecord] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """A change of status.

    Attributes:
        record: the whole file after it.
        step: the step's part of it; None when the execution itself changed.
        previous: the status before; None when it has just begun.
    """

    record: dict[str, Any]
    step: dict[str, Any] | None
    previous: str | None


class Recorder:
    """Keeps the file of one execution, and tells of each change of status in the order they happen.

    Args:
        record: how it begins.
        folder: where the file stands.
        tell: is called with each change; neither it nor a listener may wait for a step.
    """

    def __init__(self, record: ExecutionRecord, folder: Path, tell: Callable[[Change], None]) -> None:
        self.folder = folder
        self._record = record
        self._events = tell
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()

    @property
    def status(self) -> str:
        """The execution's status."""
        return self._record.status

    def begin(self, nodes: Sequence[Node] = ()) -> None:
        """Write the file for the first time, with the steps there are."""
        self._record.steps = [
            StepRecord(node.name, node.type, list(node.needs), asdict(node.branch) if node.branch else None)
            for node in nodes
        ]
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._tell(Change(self._write(), None, None))

    def change(self, **changes: Any) -> None:
        """Set some of the execution's fields."""
        with self._lock:
            previous = self._record.status
            _set(self._record, changes)
            written = self._write()
            if self._record.status != previous:
                self._tell(Change(written, None, previous))

    def change_step(self, name: str, **changes: Any) -> None:
        """Set some of a step's fields."""
        with self._lock:
            step = next(step for step in self._record.steps if step.name == name)
            previous = step.status
            _set(step, changes)
            written = self._write()
            if step.status != previous:
                self._tell(Change(written, dict(vars(step)), previous))

    def listen(self, listener: Listener) -> None:
        """Have something called with the file's content: now, and after each change of status."""
        with self._lock:
            self._listeners.append(listener)
            listener(self.as_dict())

    def step_status(self, name: str) -> str:
        """A step's status."""
        return next(step.status for step in self._record.steps if step.name == name)

    def as_dict(self) -> dict[str, Any]:
        """The file's content, as it is now; nobody changes what is inside."""
        with self._lock:
            return {**vars(self._record), "steps": [dict(vars(step)) for step in self._record.steps]}

    def _tell(self, change: Change) -> None:
        self._events(change)
        for listener in list(self._listeners):
            try:
                listener(change.record)
            except Exception:  # whoever watches must not end what is watched
                self._listeners.remove(listener)
                traceback.print_exc()

    def _write(self) -> dict[str, Any]:
        content = self.as_dict()
        write_atomically(self.folder / FILE, json.dumps(content))
        return content


def _set(record: StepRecord | ExecutionRecord, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(record, name, value)
    if record.status in ENDED and record.ended is None:
        record.ended = now()
    if isinstance(record, StepRecord) and record.status == "Starting" and record.started is None:
        record.started = now()


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that whoever reads it finds the old content or the new, never a part."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    for pause in (*REPLACE_AGAIN, None):
        try:
            partial.replace(path)
            return
        except PermissionError:  # Windows, while somebody reads the file
            if pause is None:
                raise
            time.sleep(pause)


def now() -> str:
    """The time, to the millisecond, in UTC: 2026-11-21T10:00:00.123Z."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(time: str) -> float:
    """Seconds since 1970 of a time that `now` wrote."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
