"""A folder that stands for the file system of a job's container."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_kit.runner.failures import algorithm_error, client_error, internal_error
from mlops_kit.runner.processes import Command, TookTooLongError
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.stop import Stop

ML = "/opt/ml"
INPUTS = (f"{ML}/input/data", f"{ML}/processing/input", f"{ML}/processing/baseline", f"{ML}/transform/input")
LOG = "log.txt"

_ML_PATH = re.compile(rf"(?<![\w./-]){ML}(?![\w.-])")
_LAST_BYTES = 4096  # of a log, in which its last line is looked for
_SHOWN = 1000  # characters of a line; SageMaker's FailureReason holds 1024


class Container:
    """What a script finds under /opt/ml lies in this folder; where it is told of such a path, it is told the real one.

    Args:
        folder: stands for the container's root.
    """

    def __init__(self, context: RuntimeContext, stop: Stop, folder: Path) -> None:
        self.folder = folder
        self.log = folder / LOG
        self.seconds = 0.0
        self._begin = self.log.stat().st_size if self.log.exists() else 0  # where an earlier attempt's log ends
        self._context = context
        self._stop = stop
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, place: str) -> Path:
        """Where a path of the container lies on this machine.

        Raises:
            StepFailedError: it lies elsewhere than under /opt/ml.
        """
        if not PurePosixPath(place).is_relative_to(ML) or ".." in PurePosixPath(place).parts:
            raise client_error(f"{place} is not under {ML}, where a container's inputs and outputs lie")
        return self.folder.joinpath(*PurePosixPath(place).parts[1:])

    def made(self, place: str) -> Path:
        """The same, and it is a folder that is there."""
        path = self.path(place)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, place: str, content: Any) -> None:
        """Write one of the files in which SageMaker tells a container what it was started for."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def real(self, text: str) -> str:
        """A text in which every path of the container is the one on this machine."""
        return _ML_PATH.sub(lambda _: self.path(ML).as_posix(), text)

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path | None = None,
        seconds: float | None = None,
    ) -> None:
        """Run a command line in the container.

        Args:
            arguments: the command line.
            environment: the variables it is given.
            folder: where it works.
            seconds: how long it may take.

        Raises:
            StepFailedError: it ended with an exit code, took too long, was killed, or could not be started.
            StepStoppedError: it was told to stop.
        """
        command = Command(
            arguments=tuple(self.real(argument) for argument in arguments),
            folder=folder or self.folder,
            log=self.log,
            environment={name: self.real(value) for name, value in environment.items()},
        )
        with self._context.job_limiter.slot(self._stop):
            try:
                ended = self._context.processes.run(command, self._stop, seconds)
            except TookTooLongError:
                raise client_error(f"the job took more than the {seconds:g} seconds that it may take") from None
            except OSError as error:
                raise internal_error(f"the job could not be started: {error}") from error
        self.seconds += ended.seconds
        if ended.exit_code < 0:
            raise internal_error(f"the job was killed by signal {-ended.exit_code}")
        if ended.exit_code > 0:
            said = (self._failure() or self.last_line()).removeprefix("error: ")
            raise algorithm_error(said or f"exit code {ended.exit_code}")

    def last_line(self) -> str:
        """How this attempt's log ends."""
        if not self.log.exists():
            return ""
        lines = self._log_from(self.log.stat().st_size - _LAST_BYTES).strip().splitlines()
        return lines[-1].strip()[:_SHOWN] if lines else ""

    def log_text(self) -> str:
        """All of this attempt's log."""
        return self._log_from(self._begin) if self.log.exists() else ""

    def drop_inputs(self) -> None:
        """Remove the copies of what lies in S3 already: outputs and the log are what is worth looking at."""
        for place in INPUTS:
            shutil.rmtree(self.path(place), ignore_errors=True)

    def _log_from(self, place: int) -> str:
        with self.log.open("rb") as log:
            log.seek(max(self._begin, place))
            return log.read().decode("utf-8", errors="replace").replace("\r\n", "\n")

    def _failure(self) -> str:
        """What a training script wrote to say why it failed."""
        path = self.path(f"{ML}/output/failure")
        return path.read_text(encoding="utf-8", errors="replace").strip()[:_SHOWN] if path.is_file() else ""


def relative(path: Path, work: Path) -> str:
    """A path below the working folder, as it is written in a record."""
    return Path(os.path.relpath(path, work)).as_posix()
