"""A process that has imported what jobs need, and forks one of itself for each. Run by path, by warm.py.

It reads JSON lines from a socket: {"job": 1, "arguments": ..., "environment": ..., "folder": ..., "log": ...} starts a
job, {"kill": 1} ends it. It answers {"job": 1, "process": 4711} when one has started, {"job": 1, "error": "..."} when
it could not, and {"job": 1, "exit_code": 0, "seconds": 0.2} when it has ended. When the socket closes, it kills its
jobs and ends: no job outlives the one who asked for it, however that one ended.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from typing import Any, NoReturn

import child


class Server:
    """Starts jobs as it is told, and tells how they ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self._running: dict[int, tuple[int, float]] = {}  # process id: job, when it started
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop

    def serve(self) -> None:
        """Work until the connection closes."""
        while True:
            ready, _, _ = select.select([self._connection.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                break
        for process in self._running:
            _kill(process)

    def _receive(self) -> bool:
        """Do what came in; False when nothing will come any more."""
        chunk = self._connection.recv(1 << 16)
        *lines, self._received = (self._received + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "kill" in message:
                for process in [process for process, (job, _) in self._running.items() if job == message["kill"]]:
                    _kill(process)
            else:
                self._start(message)
        return bool(chunk)

    def _start(self, message: dict[str, Any]) -> None:
        started = time.perf_counter()
        try:
            process = os.fork()
        except OSError as error:
            self._answer(job=message["job"], error=str(error))
            return
        if process == 0:
            self._become(message)
        self._running[process] = message["job"], started
        self._answer(job=message["job"], process=process)

    def _become(self, message: dict[str, Any]) -> NoReturn:
        """Be the job, in the process just forked, and never come back to the loop."""
        code = 1
        try:
            os.setsid()  # a group of its own, so that all it starts can be ended with it
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for descriptor in (self._connection.detach(), self._woken, self._wake):
                os.close(descriptor)
            log = os.open(message["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            child.become(message)
            _draw_other_random_numbers()
            code = child.run(message["arguments"])
            threading._shutdown()  # type: ignore[attr-defined] # waits for the job's threads, as an interpreter does
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            # An interpreter would now take apart every library that was imported; that takes longer than many a job.
            os._exit(code & 0xFF)

    def _reap(self) -> None:
        while self._running:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill(ended.si_pid)  # what it started; while nobody has waited for it, the number is still its own
            process, status = os.waitpid(ended.si_pid, 0)
            job, started = self._running.pop(process)
            seconds = time.perf_counter() - started
            self._answer(job=job, exit_code=os.waitstatus_to_exitcode(status), seconds=seconds)

    def _answer(self, **message: Any) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the loop is about to see it
            self._connection.sendall(json.dumps(message).encode() + b"\n")


def _draw_other_random_numbers() -> None:
    """A fork would go on with the numbers of the process it came from; `random` and uuid see to that themselves."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _kill(process: int) -> None:
    """End a job and all that it started. It has not been waited for, so the number is still its own."""
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # just forked, and no group yet


def main(descriptor: int, modules: list[str]) -> None:
    """Import the modules, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is for the one who asked for the jobs
    sys.path.pop(0)  # the folder of this file
    for name in modules:
        with contextlib.suppress(Exception):  # a job that needs it will say so
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is shared with the jobs stays shared: no collection touches it
    Server(socket.socket(fileno=descriptor)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
