"""Compile a project's pipelines in another process, while this one does something else.

The SageMaker SDK takes seconds to import, and a thread would compete with its caller for the interpreter's lock. The
process is a new interpreter, not a fork, so that it works on all systems and whatever threads the caller has.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from mlops_kit.definition.code import fingerprint


class Compilation:
    """A compilation that has started.

    with Compilation(root) as compilation:
        ...
        texts = compilation.definitions()

    Leaving the block ends the process, should it still run.

    Args:
        root: the project.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = ExitStack()

    def __enter__(self) -> Compilation:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._result = folder / "definitions.json"
            self._printed = tuple(stack.enter_context((folder / name).open("w+b")) for name in ("stdout", "stderr"))
            self._fingerprint = fingerprint(self._root)
            self._process = _start(self._root.resolve(), self._result, *self._printed)
            stack.callback(self._process.wait)
            stack.callback(self._process.kill)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def definitions(self) -> dict[str, str]:
        """Wait for the end, and return what `compile_all` returns now.

        If the process has failed, or the project's files have changed since, this process compiles them: the caller
        gets the exception, and no definition that is out of date.

        Raises:
            UserError: the configuration is refused.
        """
        failed = self._process.wait() != 0
        if failed or fingerprint(self._root) != self._fingerprint:
            return _compile(self._root)
        for stream, file in zip((sys.stdout, sys.stderr), self._printed, strict=True):
            file.seek(0)
            stream.write(file.read().decode(errors="replace"))  # what a team's functions print, or the SDK logs
        texts: dict[str, str] = json.loads(self._result.read_text(encoding="utf-8"))
        return texts


def _start(root: Path, result: Path, stdout: IO[bytes], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(root), str(result), str(Path.cwd())],
        cwd=Path(__file__).parents[2],  # python -m imports from here first: it must not be the project
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def main(root: Path, result: Path, folder: Path) -> None:
    """Compile a project in a working folder, and write the text of each definition by kind, as JSON."""
    os.chdir(folder)
    result.write_text(json.dumps(_compile(root)), encoding="utf-8")


def _compile(root: Path) -> dict[str, str]:
    from mlops_kit.definition.compile import compile_all  # not at the top: it takes half a second to import

    return compile_all(root)


if __name__ == "__main__":
    gc.disable()  # nearly all objects of the SDK live as long as this process
    main(*map(Path, sys.argv[1:]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to release the SDK would take longer than to build the definitions
