"""The interface of the processes of jobs: run a command, wait for it, stop it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlops_kit.runner.stop import Stop

# Variables that a container has itself, copied from this machine; a job sees no other variable of this environment.
_MACHINE_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_WINDOWS_VARIABLES = ("SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "USERPROFILE", "APPDATA", "PATHEXT", "COMSPEC")

# Jobs run in parallel and their data is small here: threads of numerical libraries would only compete.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class JobTimeoutError(Exception):
    """A process exceeded its timeout."""


@dataclass(frozen=True)
class Command:
    """A command to run.

    Attributes:
        arguments: the command line; a leading python or python3 means this interpreter.
        environment: variables in addition to those of the machine.
        folder: the working directory.
        log: the file for stdout and stderr.
    """

    arguments: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The command in the form for another process."""
        machine = {name: os.environ[name] for name in (*_MACHINE_VARIABLES, *_WINDOWS_VARIABLES) if name in os.environ}
        always = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        everything = {**machine, **always, **ONE_THREAD, **self.environment}
        return {**asdict(self), "folder": str(self.folder), "log": str(self.log), "environment": everything}


@dataclass(frozen=True)
class ExitStatus:
    """The end of a process.

    Attributes:
        exit_code: 0 for success, negative for a signal.
        seconds: its duration.
    """

    exit_code: int
    seconds: float


class Processes(Protocol):
    """Runs commands, in parallel if several threads call it."""

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> ExitStatus:
        """Run a command, and wait for its end.

        Raises:
            StepStoppedError: a stop was requested, and the process was killed.
            JobTimeoutError: it took more than `timeout` seconds, and was killed.
            OSError: it did not start.
        """

    def close(self) -> None:
        """Kill the running jobs, and release all resources."""
