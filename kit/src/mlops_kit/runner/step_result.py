"""The result of a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class OutputFile:
    """A folder or file of an output.

    Attributes:
        path: its copy on this machine, relative to the working folder.
    """

    name: str
    s3_uri: str
    path: str


@dataclass(frozen=True)
class StepResult:
    """The result of a step that succeeded.

    Attributes:
        properties: in the form of the API's Describe response; later steps refer to them.
        note: one line for the reader of a report.
        files: the outputs on this machine.
        outputs: S3 URIs that must exist for the result to be reused.
        log: relative to the working folder.
    """

    properties: dict[str, Any]
    note: str = ""
    files: tuple[OutputFile, ...] = ()
    outputs: tuple[str, ...] = ()
    log: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
