"""A process that imports what jobs need, and forks a child for each job. Run by path, by warm.py.

It reads JSON lines from a socket: {"job": 1, "arguments": ..., "environment": ..., "folder": ..., "log": ...} starts a
job, {"kill": 1} kills it. It answers {"job": 1, "process": 4711} after a start, {"job": 1, "error": "..."} after a
start that failed, and {"job": 1, "exit_code": 0, "seconds": 0.2} after the end. When the socket closes, it kills its
jobs and exits, so no job outlives the local cloud, however that ended. One child is always forked in advance, in a
session of its own, and waits at a pipe for the next job; it exits when the pipe closes without one.

Why not multiprocessing's forkserver, with set_forkserver_preload? It forks from the same kind of process, but it makes
workers for functions of a program, and a job is a program:

- A worker unpickles a function and imports the main module of its parent. That is the command line of this package,
  which a job must not see. Each job would need a wrapper that undoes it, and the wrapper would be child.py.
- The server forks a worker in its own process group, with the server's environment, folder and streams. A timeout and
  a stop must also kill what the job started, so each job needs a session of its own before it runs any code; and the
  server has to wait for jobs without reaping them, to kill the group while its id cannot have been reused. The
  forkserver reaps its workers at once, and reports the exit code only.
- set_forkserver_preload ignores a module that fails with ImportError, but any other exception of an import ends the
  server. A project's modules can fail in any way, and the job that needs one should report that.
- The forkserver is one per interpreter, so clouds of different projects in one process, as in tests, would share the
  modules of the first project.
- gc.freeze before the first fork, and an Arrow without background threads, need code in the server.

Two private functions of CPython follow from forking: `os._exit` skips the end of an interpreter, which would release
every imported library and takes longer than many a job. What a job may rely on at its end is therefore called here:
`threading._shutdown` waits for the threads that are not daemons, `atexit._run_exitfuncs` calls the exit handlers. The
standard library does the same in its own forked children (multiprocessing.process and its popen_fork call
`threading._shutdown`, `util._exit_function` and `os._exit`). A test covers threads, exit handlers and exit codes, so a
Python that changes them fails there; LOCAL_PROCESSES=plain uses neither.
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
from pathlib import Path
from typing import Any, NoReturn

import child
import service_models
from scripts import imported_modules, words_of_clients


class Server:
    """Starts jobs, and reports their ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self._running: dict[int, tuple[int, float]] = {}  # process id: job, when it started
        self._spare: tuple[int, int] | None = None  # a process without a job, and the pipe for its job
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop

    def serve(self) -> None:
        """Serve until the connection closes."""
        while True:
            self._keep_spare()
            ready, _, _ = select.select([self._connection.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                break
        for process in self._running:
            _kill(process)

    def _receive(self) -> bool:
        """Process the messages that arrived; False after the end of the connection."""
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

    def _keep_spare(self) -> None:
        """Have a process ready for the next job: to fork takes longer than to send it a job."""
        if self._spare is None:
            with contextlib.suppress(OSError):  # the next job tries again, and fails with the error
                self._spare = self._fork()

    def _start(self, message: dict[str, Any]) -> None:
        started, job = time.perf_counter(), json.dumps(message).encode()
        try:
            try:
                process = _send(job, self._spare or self._fork())
            except BrokenPipeError:  # somebody killed the spare process
                process = _send(job, self._fork())
        except OSError as error:
            self._answer(job=message["job"], error=str(error))
            return
        finally:
            self._spare = None
        self._running[process] = message["job"], started
        self._answer(job=message["job"], process=process)

    def _fork(self) -> tuple[int, int]:
        """Fork a process that waits for its job; return its id, and the pipe for its job."""
        job, pipe = os.pipe()
        try:
            process = os.fork()
        except OSError:
            os.close(pipe)
            raise
        else:
            if process == 0:
                self._run_job(job, pipe)
        finally:
            os.close(job)
        return process, pipe

    def _run_job(self, job: int, pipe: int) -> NoReturn:
        """Wait for a job and run it in the child process, and never return to the loop."""
        code = 1
        try:
            os.setsid()  # its own group, so that its descendants can be killed with it
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self._connection.detach(), self._woken, self._wake, pipe):
                os.close(descriptor)
            with os.fdopen(job, "rb") as stream:
                received = stream.read()
            if not received:  # the server has ended
                os._exit(0)
            message = json.loads(received)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            log = os.open(message["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            child.become(message)
            _draw_other_random_numbers()
            code = child.run(message["arguments"])
            threading._shutdown()  # type: ignore[attr-defined] # waits for the job's threads, like an interpreter
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            # Not sys.exit: to release every imported library takes an interpreter longer than many a job.
            os._exit(code & 0xFF)

    def _reap(self) -> None:
        while self._running:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill(ended.si_pid)  # its descendants; the id is not reused before `waitpid`
            process, status = os.waitpid(ended.si_pid, 0)
            if process not in self._running:
                continue  # a spare process, which somebody killed
            job, started = self._running.pop(process)
            seconds = time.perf_counter() - started
            self._answer(job=job, exit_code=os.waitstatus_to_exitcode(status), seconds=seconds)

    def _answer(self, **message: Any) -> None:
        with contextlib.suppress(OSError):  # the connection is closed, which the loop is about to notice
            self._connection.sendall(json.dumps(message).encode() + b"\n")


def _draw_other_random_numbers() -> None:
    """Seed NumPy, so that forks do not repeat the same random numbers; `random` and uuid do that themselves."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _send(job: bytes, waiting: tuple[int, int]) -> int:
    """Send a job to the process that waits for it; return the process's id."""
    process, pipe = waiting
    with os.fdopen(pipe, "wb") as stream:
        stream.write(job)
    return process


def _kill(process: int) -> None:
    """Kill a job and its descendants. It was not reaped, so its id was not reused."""
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # forked just now, without its group yet


def main(descriptor: int, scripts: list[Path]) -> None:
    """Import what the scripts import, then serve."""
    gc.disable()  # what is imported stays
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the local cloud
    sys.path.pop(0)  # the folder of this file
    for name in imported_modules(scripts):
        with contextlib.suppress(Exception):  # a job that needs it reports the error
            importlib.import_module(name)
    service_models.preload(words_of_clients(scripts))
    for name in ("child", "scripts", "service_models"):
        del sys.modules[name]  # a job may have modules of these names
    gc.freeze()  # a collection would write to the pages that are shared with the jobs
    gc.enable()
    Server(socket.socket(fileno=descriptor)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(script) for script in sys.argv[2:]])
    os._exit(0)  # as for a job
