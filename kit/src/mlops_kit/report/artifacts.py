"""The files that executions wrote below the working folder, by step or by S3 URI."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlops_kit.runner.record import ExecutionRecord, StepRecord
from mlops_kit.runner.step_result import OutputFile


class UnreadableError(Exception):
    """A file exists and its content cannot be used; the message names it."""


class Artifacts:
    """Reads the files of a working folder; a missing file is None or empty."""

    def __init__(self, work: Path, executions: Iterable[ExecutionRecord]) -> None:
        self._work = work
        self._by_uri = {
            file.s3_uri.rstrip("/"): file
            for execution in executions
            for step in execution.steps
            for file in step.files
            if file.s3_uri and file.path
        }

    def path(self, relative: str) -> Path | None:
        """The path of a file of a record, if it exists."""
        path = self._work / relative
        try:
            return path if relative and path.exists() else None
        except (OSError, ValueError):  # not a valid file name
            return None

    def inside(self, file: OutputFile) -> list[str]:
        """The files of an output, as paths relative to the page."""
        path = self.path(file.path)
        if path is None:
            return []
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [path.relative_to(self._work).as_posix() for path in paths if path.is_file()]

    def json_of(self, step: StepRecord, name: str) -> dict[str, Any] | None:
        """The content of a JSON file among a step's outputs, by its name.

        Raises:
            UnreadableError: it is not a JSON object.
        """
        for file in step.files:
            for relative in self.inside(file):
                if relative.rpartition("/")[2] == name:
                    return self._read(self._work / relative)
        return None

    def json_at(self, uri: str) -> dict[str, Any] | None:
        """The content of a JSON file that a step of any execution wrote to an S3 URI.

        Raises:
            UnreadableError: it is not a JSON object.
        """
        folder = uri.rstrip("/")
        while "/" in folder.removeprefix("s3://"):
            if file := self._by_uri.get(folder):
                path = self.path(file.path + uri[len(folder) :])
                return self._read(path) if path and path.is_file() else None
            folder = folder.rpartition("/")[0]
        return None

    def plots(self, step: StepRecord) -> Iterator[tuple[str, str]]:
        """The PNG files of a step: their names, and their content as data: URIs."""
        for file in step.files:
            for relative in self.inside(file):
                if relative.endswith(".png"):
                    content = base64.b64encode((self._work / relative).read_bytes()).decode("ascii")
                    yield relative.rpartition("/")[2].removesuffix(".png"), f"data:image/png;base64,{content}"

    def event_counts(self) -> Counter[str]:
        """The number of events on the bus, by kind."""
        counts: Counter[str] = Counter()
        path = self.path("events.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines() if path else ():
            try:
                counts[str(json.loads(line).get("detail-type", "unknown"))] += 1
            except (ValueError, AttributeError):
                counts["unreadable"] += 1
        return counts

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{path.relative_to(self._work).as_posix()} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise UnreadableError(f"{path.relative_to(self._work).as_posix()} cannot be read: it is not a JSON object")
        return content
