"""What a job's process is asked for, and how it is waited for and stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlops_kit.runner.stop import Stop

# What a container has of its own, taken from this machine; nothing else of this environment reaches a job.
_OF_THE_MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_OF_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "USERPROFILE", "APPDATA", "PATHEXT", "COMSPEC")

# Jobs run side by side and their data is small here: threads of their own would only get in each other's way.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class TookTooLongError(Exception):
    """A process took longer than it may."""


@dataclass(frozen=True)
class Command:
    """What to run.

    Attributes:
        arguments: the command line; a leading python or python3 stands for this interpreter.
        environment: variables beside those of the machine.
        folder: where the process works.
        log: the file that gets all it prints.
    """

    arguments: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The command as it is handed to another process."""
        machine = {name: os.environ[name] for name in (*_OF_THE_MACHINE, *_OF_WINDOWS) if name in os.environ}
        always = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        everything = {**machine, **always, **ONE_THREAD, **self.environment}
        return {**asdict(self), "folder": str(self.folder), "log": str(self.log), "environment": everything}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        exit_code: 0 when it succeeded, negative when a signal ended it.
        seconds: how long it ran.
    """

    exit_code: int
    seconds: float


class Processes(Protocol):
    """Runs commands, several at a time if asked by several threads."""

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> Ended:
        """Run a command to its end.

        Raises:
            StepStoppedError: it was told to stop, and is killed.
            TookTooLongError: it took more than `timeout` seconds, and is killed.
            OSError: it could not be started.
        """

    def close(self) -> None:
        """Kill what still runs, and end."""
