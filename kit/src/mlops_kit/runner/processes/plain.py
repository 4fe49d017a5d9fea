"""Jobs as new interpreters, which works on every system."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlops_kit.runner.processes.process import Command, ExitStatus, JobTimeoutError
from mlops_kit.runner.stop import Stop

CHILD = Path(__file__).with_name("child.py")


class PlainProcesses:
    """Starts an interpreter for each command."""

    def __init__(self) -> None:
        self._closed = Stop()

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> ExitStatus:
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
                bufsize=0,  # no data remains to be written when a killed process no longer reads
            )
        with process, stop.calling(lambda: _kill(process)), self._closed.calling(lambda: _kill(process)):
            _send_job(process, job)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise JobTimeoutError from None
            finally:
                _kill(process)
        stop.check()
        return ExitStatus(process.returncode, time.perf_counter() - started)

    def close(self) -> None:
        """Kill the running jobs."""
        self._closed.set()


def _send_job(process: subprocess.Popen[bytes], job: dict[str, object]) -> None:
    """Send the job to its process. The pipe stays open, because the process exits when it closes."""
    if process.stdin is None:  # never: it was requested as a pipe
        raise OSError("a job's process has no stdin")
    with contextlib.suppress(BrokenPipeError):  # it was killed; `wait` returns the signal
        process.stdin.write(json.dumps(job).encode() + b"\n")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its descendants, which can outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # the id of a group is not reused while a member exists
        else:
            process.kill()
