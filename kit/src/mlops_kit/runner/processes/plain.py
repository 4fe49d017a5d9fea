"""Jobs as new interpreters: what every system can do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlops_kit.runner.processes.process import Command, Ended, TookTooLongError
from mlops_kit.runner.stop import Stop

CHILD = Path(__file__).with_name("child.py")


class PlainProcesses:
    """Starts an interpreter for each command."""

    def __init__(self) -> None:
        self._closed = Stop()

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> Ended:
        """Run a command to its end; see `Processes`."""
        started = time.perf_counter()
        job = command.as_json()
        with command.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(CHILD)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=command.folder,
                env=job["environment"],
                start_new_session=True,
                bufsize=0,  # nothing is left to be written when a killed process no longer reads
            )
        with process, stop.calling(lambda: _kill(process)), self._closed.calling(lambda: _kill(process)):
            _hand_over(process, job)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise TookTooLongError from None
            finally:
                _kill(process)
        stop.check()
        return Ended(process.returncode, time.perf_counter() - started)

    def close(self) -> None:
        """Kill what still runs."""
        self._closed.set()


def _hand_over(process: subprocess.Popen[bytes], job: dict[str, object]) -> None:
    """Give the job to its process. The pipe stays open: the process ends when it closes."""
    if process.stdin is None:  # it was asked for as a pipe
        raise OSError("a job's process has no stdin")
    with contextlib.suppress(BrokenPipeError):  # killed already: waiting for it tells how
        process.stdin.write(json.dumps(job).encode() + b"\n")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, which may go on when the process itself has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # a group's number is not given away while one of it lives
        else:
            process.kill()
