"""The processes of jobs: forked from one that has imported the libraries, or started as new interpreters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.runner.processes.plain import PlainProcesses
from mlops_kit.runner.processes.process import Command, JobTimeoutError, Processes
from mlops_kit.runner.processes.warm import WarmProcesses

__all__ = ["Command", "JobTimeoutError", "Processes", "start_processes"]


def start_processes(scripts: Iterable[Path]) -> Processes:
    """Prepare to run jobs; the modules that they need are imported in the background.

    LOCAL_PROCESSES=plain starts each job in a new interpreter, which costs each job the time of its imports. That is
    the default on all systems but Linux: Windows cannot fork, and macOS's system libraries are not safe to fork.

    Args:
        scripts: files whose imports the jobs need.

    Raises:
        UserError: LOCAL_PROCESSES has another value.
    """
    wanted = os.environ.get("LOCAL_PROCESSES", "warm" if sys.platform == "linux" else "plain")
    if wanted not in ("warm", "plain"):
        raise UserError(f"the environment variable LOCAL_PROCESSES is {wanted!r}; set it to warm or plain")
    return WarmProcesses(scripts) if wanted == "warm" else PlainProcesses()
