"""The working folder of a local cloud: one cloud at a time owns it, and removes the results of the previous one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mlops_jobs.errors import UserError

STATE, ENVIRONMENT = "cloud.json", "environment.yaml"  # exist while a cloud runs in the background
DEPLOYED = "deployed"  # a fingerprint of what was deployed
APPLIED = "applied"  # a fingerprint of the applied infrastructure
TERRAFORM_STATE = "terraform.tfstate"  # Terraform's state
LOCK = "lock"
PREVIOUS_RESULTS = (  # results of an earlier cloud
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
    TERRAFORM_STATE,
)


class OccupiedError(UserError):
    """Another local cloud uses the folder."""


@contextmanager
def claimed(work: Path) -> Iterator[None]:
    """Own the folder within this block, without the results of an earlier cloud.

    The operating system releases the lock when the process ends, however it ends, so a lock is never stale.

    Raises:
        OccupiedError: another cloud uses it.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / LOCK).open("ab") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise OccupiedError(_occupied(work)) from None
        for name in PREVIOUS_RESULTS:
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
    return f"another local cloud uses {os.path.relpath(work)}; wait until it has ended"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
