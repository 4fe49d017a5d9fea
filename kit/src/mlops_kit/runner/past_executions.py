"""What the runner writes about an execution, read back: execution.json as typed values.

A record may be that of an execution still running, or of an older version: what is not there has a neutral value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mlops_kit.definition.model import Branch
from mlops_kit.report.times import duration
from mlops_kit.runner.step_result import OutputFile

RUNNING = ("Starting", "Executing", "Stopping")


@dataclass(frozen=True)
class PastStep:
    """One step of an execution.

    Attributes:
        needs: the names of the steps it waits for.
        result: what the step's Describe call would say.
        log: its log, relative to the working folder.
    """

    name: str
    type: str
    status: str
    needs: tuple[str, ...]
    branch: Branch | None
    started: datetime | None
    ended: datetime | None
    attempts: int
    cache_hit: bool
    reason: str
    note: str
    result: dict[str, Any]
    files: tuple[OutputFile, ...]
    log: str | None

    @property
    def seconds(self) -> float | None:
        """How long it took; None before its end."""
        return _seconds(self.started, self.ended)

    @property
    def shown_time(self) -> str:
        """How long it took, for a person."""
        return "cached" if self.cache_hit else duration(self.seconds)


@dataclass(frozen=True)
class PastExecution:
    """One execution of a pipeline."""

    id: str
    pipeline: str
    kind: str
    status: str
    reason: str
    parameters: dict[str, Any]
    started: datetime | None
    ended: datetime | None
    steps: tuple[PastStep, ...]

    @property
    def seconds(self) -> float | None:
        """How long it took; None before its end."""
        return _seconds(self.started, self.ended)


def read_execution(record: Mapping[str, Any]) -> PastExecution:
    """Read the content of an execution.json."""
    return PastExecution(
        id=str(record.get("id", "")),
        pipeline=str(record.get("pipeline", "")),
        kind=str(record.get("kind", "")),
        status=str(record.get("status", "")),
        reason=str(record.get("reason") or ""),
        parameters=dict(record.get("parameters") or {}),
        started=_time(record.get("started")),
        ended=_time(record.get("ended")),
        steps=tuple(_read_step(step) for step in record.get("steps") or ()),
    )


def load_executions(work: Path) -> tuple[list[PastExecution], list[Path]]:
    """Read all records under a working folder, in the order in which the executions started.

    Returns:
        the executions, and the files that cannot be read.
    """
    executions, unreadable = [], []
    for path in sorted(work.glob("executions/*/*/execution.json")):
        try:
            executions.append(read_execution(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, AttributeError, TypeError):
            unreadable.append(path)
    return sorted(executions, key=_order), unreadable


def _order(execution: PastExecution) -> tuple[datetime, str]:
    return execution.started or datetime.max.replace(tzinfo=timezone.utc), execution.id


def _read_step(step: Mapping[str, Any]) -> PastStep:
    branch = step.get("branch")
    return PastStep(
        name=str(step.get("name", "")),
        type=str(step.get("type", "")),
        status=str(step.get("status", "")),
        needs=tuple(step.get("needs") or ()),
        branch=Branch(str(branch["condition"]), bool(branch["when"])) if branch else None,
        started=_time(step.get("started")),
        ended=_time(step.get("ended")),
        attempts=int(step.get("attempts") or 0),
        cache_hit=bool(step.get("cache_hit")),
        reason=str(step.get("reason") or ""),
        note=str(step.get("note") or ""),
        result=dict(step.get("result") or {}),
        files=tuple(_read_file(file) for file in step.get("files") or ()),
        log=step.get("log") or None,
    )


def _read_file(file: Mapping[str, Any]) -> OutputFile:
    return OutputFile(str(file.get("name", "")), str(file.get("s3_uri") or ""), str(file.get("path") or ""))


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return (ended - started).total_seconds() if started and ended else None
