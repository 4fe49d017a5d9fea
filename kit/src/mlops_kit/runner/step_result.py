"""What a step made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class OutputFile:
    """An output's folder or file.

    Attributes:
        path: where it lies on this machine, below the working folder.
    """

    name: str
    s3_uri: str
    path: str


@dataclass(frozen=True)
class Outcome:
    """What a step made.

    Attributes:
        result: shaped like the API's Describe answer; later steps refer to it.
        note: one line for people.
        files: what can be looked at on this machine.
        outputs: S3 URIs that have to exist for the result to be worth anything.
        log: the log, below the working folder.
    """

    result: dict[str, Any]
    note: str = ""
    files: tuple[OutputFile, ...] = ()
    outputs: tuple[str, ...] = ()
    log: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
