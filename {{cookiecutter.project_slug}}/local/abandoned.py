"""Executions whose local cloud is gone: they have ended, although their record does not say so yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from local.record import ENDED, FILE, now, write_atomically

REASON = "the local cloud that ran it ended before it did"
ANSWER_SECONDS = 2.0


def answers(address: str) -> bool:
    """Whether a local cloud is still there under its address."""
    if not address.startswith("http://127.0.0.1:"):
        return False
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=ANSWER_SECONDS):
            return True
    except (URLError, OSError):
        return False


def close_abandoned(work: Path) -> None:
    """Write into the records of abandoned executions that they have stopped."""
    for path in work.glob(f"executions/*/*/{FILE}"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["status"] in ENDED or answers(record["cloud"]):
                continue
            closed = _closed(record)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record of this version, and nothing that the next execution needs
        write_atomically(path, json.dumps(closed))


def _closed(record: dict[str, Any]) -> dict[str, Any]:
    steps = [
        step if step["status"] in ENDED else {**step, "status": "Stopped", "ended": now()} for step in record["steps"]
    ]
    return {**record, "status": "Stopped", "reason": REASON, "ended": now(), "steps": steps}
