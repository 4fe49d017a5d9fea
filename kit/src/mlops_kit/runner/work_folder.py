"""The folder in which a local cloud works: it belongs to one cloud at a time, which begins with an empty one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mlops_jobs.errors import UserError

STATE, ENVIRONMENT = "cloud.json", "environment.yaml"  # there while a cloud stays up between commands
DEPLOYED = "deployed"  # a fingerprint of what was brought there
APPLIED = "applied"  # a fingerprint of the infrastructure there
STATE_OF_TERRAFORM = "terraform.tfstate"  # what Terraform made there
LOCK = "lock"
LEFT = (  # by an earlier cloud
    "executions",
    "calls",
    "events.jsonl",
    "deliveries.jsonl",
    "emails.jsonl",
    "report.html",
    STATE,
    ENVIRONMENT,
    DEPLOYED,
    APPLIED,
    STATE_OF_TERRAFORM,
)


class OccupiedError(UserError):
    """Another local cloud works in the folder."""


@contextmanager
def claimed(work: Path) -> Iterator[None]:
    """Have the folder for oneself within this block, without anything that an earlier cloud left.

    The system frees a lock when its process ends, however it ends: none is ever left behind.

    Raises:
        OccupiedError: another cloud works there.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / LOCK).open("ab") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise OccupiedError(_occupied(work)) from None
        for name in LEFT:
            _remove(work / name)
        yield


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _occupied(work: Path) -> str:
    if (work / STATE).exists():
        return "a local cloud is up in this project; stop it first: mlops local down"
    return f"another local cloud works in {os.path.relpath(work)}; wait until it has ended"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
