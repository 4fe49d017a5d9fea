"""The record of an execution, and its file execution.json."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mlops_kit.definition.model import Branch
from mlops_kit.runner.step_result import OutputFile

FILE = "execution.json"
REPLACE_AGAIN = (0.01, 0.05, 0.2, 1.0)  # seconds to wait before each further attempt
ENDED = ("Succeeded", "Failed", "Stopped", "Skipped")
RUNNING = ("Starting", "Executing", "Stopping")


@dataclass(frozen=True)
class StepRecord:
    """A step of an execution.

    Attributes:
        needs: the names of the steps it waits for.
        branch: the condition that decides whether it runs.
        status: Waiting, Starting, Executing, Succeeded, Failed, Stopped (by request, or not run because another step
            failed) or Skipped (a branch not taken).
        job_seconds: the total duration of its processes.
        cached_from: the ARN of the execution whose result was reused.
        note: one line for people.
        result: the outcome, in the form of the API's Describe answer.
        log: its log, relative to the working folder.
    """

    name: str
    type: str
    needs: tuple[str, ...] = ()
    branch: Branch | None = None
    status: str = "Waiting"
    started: datetime | None = None
    ended: datetime | None = None
    job_seconds: float = 0.0
    attempts: int = 1
    cache_hit: bool = False
    cached_from: str | None = None
    reason: str = ""
    note: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    files: tuple[OutputFile, ...] = ()
    log: str | None = None

    @property
    def seconds(self) -> float | None:
        """Its duration; None before its end."""
        return _seconds(self.started, self.ended)

    @property
    def outputs(self) -> dict[str, Any]:
        """The output parameters of a Lambda step, by name."""
        return dict(self.result.get("OutputParameters") or {})


@dataclass(frozen=True)
class ExecutionRecord:
    """An execution of a pipeline at one moment.

    Attributes:
        cloud: the address of the local cloud that runs it; where nothing answers any more, it has ended.
        steps: in the order of the definition.
    """

    id: str
    pipeline: str
    kind: str
    arn: str
    cloud: str
    parameters: Mapping[str, Any]
    status: str = "Executing"
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    steps: tuple[StepRecord, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Its duration; None before its end."""
        return _seconds(self.started, self.ended)

    @property
    def failed_steps(self) -> tuple[StepRecord, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.status == "Failed")

    def step(self, name: str) -> StepRecord:
        """The step of a name.

        Raises:
            KeyError: the pipeline has no such step.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"{self.pipeline} has no step {name}; it has {', '.join(step.name for step in self.steps)}")


# The file


def as_json(record: ExecutionRecord) -> dict[str, Any]:
    """The content of a record's file."""
    return {
        **vars(record),
        "started": time_text(record.started),
        "ended": time_text(record.ended),
        "steps": [_step_as_json(step) for step in record.steps],
    }


def _step_as_json(step: StepRecord) -> dict[str, Any]:
    return {
        **vars(step),
        "needs": list(step.needs),
        "branch": asdict(step.branch) if step.branch else None,
        "started": time_text(step.started),
        "ended": time_text(step.ended),
        "files": [asdict(file) for file in step.files],
    }


def write_record(record: ExecutionRecord, folder: Path) -> None:
    """Write a record into its folder."""
    write_atomically(folder / FILE, json.dumps(as_json(record)))


def read_record(content: Mapping[str, Any]) -> ExecutionRecord:
    """Read the content of a record's file; what an older release did not write has a neutral value."""
    return ExecutionRecord(
        id=str(content.get("id", "")),
        pipeline=str(content.get("pipeline", "")),
        kind=str(content.get("kind", "")),
        arn=str(content.get("arn", "")),
        cloud=str(content.get("cloud", "")),
        parameters=dict(content.get("parameters") or {}),
        status=str(content.get("status", "")),
        reason=str(content.get("reason") or ""),
        started=_read_time(content.get("started")),
        ended=_read_time(content.get("ended")),
        steps=tuple(_read_step(step) for step in content.get("steps") or ()),
    )


def _read_step(step: Mapping[str, Any]) -> StepRecord:
    branch = step.get("branch")
    return StepRecord(
        name=str(step.get("name", "")),
        type=str(step.get("type", "")),
        needs=tuple(step.get("needs") or ()),
        branch=Branch(str(branch["condition"]), bool(branch["when"])) if branch else None,
        status=str(step.get("status", "")),
        started=_read_time(step.get("started")),
        ended=_read_time(step.get("ended")),
        job_seconds=float(step.get("job_seconds") or 0.0),
        attempts=int(step.get("attempts") or 0),
        cache_hit=bool(step.get("cache_hit")),
        cached_from=step.get("cached_from") or None,
        reason=str(step.get("reason") or ""),
        note=str(step.get("note") or ""),
        result=dict(step.get("result") or {}),
        files=tuple(_read_file(file) for file in step.get("files") or ()),
        log=step.get("log") or None,
    )


def _read_file(file: Mapping[str, Any]) -> OutputFile:
    return OutputFile(str(file.get("name", "")), str(file.get("s3_uri") or ""), str(file.get("path") or ""))


def load_records(work: Path) -> tuple[list[ExecutionRecord], list[Path]]:
    """Read all records under a working folder, in the order in which the executions started.

    Returns:
        the records, and the files that cannot be read.
    """
    records, unreadable = [], []
    for path in sorted(work.glob(f"executions/*/*/{FILE}")):
        try:
            records.append(read_record(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, AttributeError, TypeError):
            unreadable.append(path)
    return sorted(records, key=_order), unreadable


def _order(record: ExecutionRecord) -> tuple[datetime, str]:
    return record.started or datetime.max.replace(tzinfo=timezone.utc), record.id


def write_atomically(path: Path, text: str) -> None:
    """Write a file; a concurrent reader gets the old content or the new, never a part."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    for pause in (*REPLACE_AGAIN, None):
        try:
            partial.replace(path)
            return
        except PermissionError:  # Windows, while another process reads the file
            if pause is None:
                raise
            time.sleep(pause)


# Times


def current_time() -> datetime:
    """The time in UTC, cut to the millisecond, as the file keeps it."""
    time = datetime.now(timezone.utc)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def now() -> str:
    """The current time to the millisecond, in UTC: 2026-11-21T10:00:00.123Z."""
    return _written(current_time())


def time_text(time: datetime | None) -> str | None:
    """A time as `now` writes it; None where it is unknown."""
    return _written(time) if time else None


def seconds_of(time: str) -> float:
    """Seconds since 1970 of a time that `now` wrote."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def _written(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_time(text: str | None) -> datetime | None:
    if not text:
        return None
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return (ended - started).total_seconds() if started and ended else None
