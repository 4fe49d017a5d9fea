"""The code in a job's process. Run by path: as in a container, a job cannot import this package from its folder."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn


def run(arguments: list[str]) -> int:
    """Run a command line in this process if it is a Python script or module, else in a new one.

    Returns:
        the exit code.
    """
    program, *rest = arguments
    if not re.fullmatch(r"python[\d.]*", Path(program).stem):
        return subprocess.call(arguments)
    if not rest or (rest[0].startswith("-") and rest[0] != "-m"):
        return subprocess.call([sys.executable, *rest])
    try:
        if rest[0] == "-m":
            sys.argv = rest[1:]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = rest
            sys.path.insert(0, str(Path(rest[0]).resolve().parent))
            runpy.run_path(rest[0], run_name="__main__")
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def become(job: dict[str, Any]) -> None:
    """Set a job's environment, working directory and streams."""
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]


def _exit_code(code: Any) -> int:
    """The exit code that an interpreter returns for SystemExit's argument."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _die_with_parent() -> None:
    """Exit at once when the other end of stdin closes, because the parent has exited."""
    os.read(sys.stdin.fileno(), 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> NoReturn:
    """Read a job from the first line of stdin and run it."""
    job = json.loads(_first_line())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    sys.path.pop(0)  # the folder of this file
    become(job)
    sys.exit(run(job["arguments"]))


def _first_line() -> bytes:
    """Read one byte at a time: a buffer would hide the end of stdin from the thread that watches it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            sys.exit(1)
        line += byte
    return line


if __name__ == "__main__":
    main()
