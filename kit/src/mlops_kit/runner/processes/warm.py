"""Jobs as forks of a process that has imported the libraries: a tenth of a second instead of a second each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from mlops_kit.runner.processes.process import Command, ExitStatus, JobTimeoutError
from mlops_kit.runner.stop import Stop

SERVER = Path(__file__).with_name("warm_server.py")
# A process that forks must have only one thread, and Arrow's allocator starts one when it is imported.
NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
SERVER_EXITED = "the process that starts jobs has ended"


class WarmProcesses:
    """Makes a server fork a process for each command.

    Args:
        scripts: the server imports the modules that these files import, and parses the models of the AWS services that
            they call.
    """

    def __init__(self, scripts: Iterable[Path]) -> None:
        self._connection, server_end = socket.socketpair()
        with server_end:
            self._server = subprocess.Popen(
                [sys.executable, str(SERVER), str(server_end.fileno()), *map(str, scripts)],
                pass_fds=[server_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**Command((), Path(), Path()).as_json()["environment"], **NO_THREADS},
                start_new_session=True,
            )
        self._numbers = count(1)
        self._sending = threading.Lock()
        self._answers: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._running: dict[int, int] = {}  # job: process id
        self._lost = False
        threading.Thread(target=self._receive, name="warm processes", daemon=True).start()

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> ExitStatus:
        """Run a command, and wait for its end; see `Processes`."""
        number, answers = next(self._numbers), SimpleQueue[dict[str, Any]]()
        self._answers[number] = answers
        try:
            self._send({"job": number, **command.as_json()})
            with stop.calling(lambda: self._send({"kill": number})):
                answer = self._answer(number, answers, timeout)
        finally:
            del self._answers[number]
        stop.check()
        if "error" in answer:
            raise OSError(answer["error"])
        return ExitStatus(answer["exit_code"], answer["seconds"])

    def close(self) -> None:
        """Close the connection; then the server kills the running jobs and exits."""
        self._connection.shutdown(socket.SHUT_RDWR)
        self._server.wait()
        self._connection.close()

    def _answer(self, number: int, answers: SimpleQueue[dict[str, Any]], timeout: float | None) -> dict[str, Any]:
        try:
            return answers.get(timeout=timeout)
        except Empty:
            self._send({"kill": number})
            answers.get()
            raise JobTimeoutError from None

    def _send(self, message: dict[str, Any]) -> None:
        if self._lost:
            raise OSError(SERVER_EXITED)
        with self._sending:
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> None:
        """Deliver each answer to the thread that waits for it; after the last one, fail all threads that still wait."""
        with contextlib.suppress(OSError):
            for line in self._connection.makefile("rb"):
                answer = json.loads(line)
                if "process" in answer:
                    self._running[answer["job"]] = answer["process"]
                else:
                    self._running.pop(answer["job"], None)
                    answers = self._answers.get(answer["job"])  # None: nobody waits for it any more
                    if answers:
                        answers.put(answer)
        self._lost = True
        self._end_orphans()
        for answers in list(self._answers.values()):
            answers.put({"error": SERVER_EXITED})

    def _end_orphans(self) -> None:
        """Kill the jobs of a server that crashed."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process, signal.SIGKILL)
