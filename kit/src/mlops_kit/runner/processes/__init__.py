"""The processes that jobs run in: forked from one that has the libraries imported already, or started plainly."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from mlops_kit.runner.processes.plain import PlainProcesses
from mlops_kit.runner.processes.process import Command, Processes, TookTooLongError
from mlops_kit.runner.processes.warm import WarmProcesses

__all__ = ["Command", "Processes", "TookTooLongError", "start_processes"]


def start_processes(scripts: Iterable[Path]) -> Processes:
    """Make ready to run jobs; importing what they will need goes on in the background.

    LOCAL_PROCESSES=plain starts each job in a new interpreter, which costs each job the time of its imports. So it is
    on every system but Linux: Windows cannot fork, and macOS's own libraries do not bear it.

    Args:
        scripts: files whose imports are worth having ready.
    """
    wanted = os.environ.get("LOCAL_PROCESSES", "warm" if sys.platform == "linux" else "plain")
    if wanted not in ("warm", "plain"):
        sys.exit(f"error: LOCAL_PROCESSES is {wanted!r}; it may be warm or plain")
    return WarmProcesses(scripts) if wanted == "warm" else PlainProcesses()
