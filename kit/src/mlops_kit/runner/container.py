"""A folder that replaces the file system of a job's container."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_kit.runner.failures import algorithm_error, client_error, internal_error
from mlops_kit.runner.processes import Command, JobTimeoutError
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.stop import Stop

ML = "/opt/ml"
INPUTS = (f"{ML}/input/data", f"{ML}/processing/input", f"{ML}/processing/baseline", f"{ML}/transform/input")
LOG = "log.txt"
COMMAND = "command.json"  # the last command line, for a run on the same inputs

_ML_PATH = re.compile(rf"(?<![\w./-]){ML}(?![\w.-])")
_TAIL_BYTES = 4096  # of a log, to search for its last line
_MAX_MESSAGE = 1000  # characters of a line; SageMaker's FailureReason has at most 1024


class Container:
    """A folder with /opt/ml in it; a script gets the real paths wherever the request has paths below /opt/ml.

    Args:
        folder: replaces the container's root.
    """

    def __init__(self, context: RuntimeContext, stop: Stop, folder: Path) -> None:
        self.folder = folder
        self.log = folder / LOG
        self.seconds = 0.0
        self._begin = self.log.stat().st_size if self.log.exists() else 0  # the end of the log of an earlier attempt
        self._context = context
        self._stop = stop
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, place: str) -> Path:
        """The path on this machine for a path in the container.

        Raises:
            StepFailedError: it is not under /opt/ml.
        """
        if not PurePosixPath(place).is_relative_to(ML) or ".." in PurePosixPath(place).parts:
            raise client_error(f"{place} is not under {ML}, which contains all inputs and outputs of a container")
        return self.folder.joinpath(*PurePosixPath(place).parts[1:])

    def make_folder(self, place: str) -> Path:
        """The same, for a folder, which is created if necessary."""
        path = self.path(place)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, place: str, content: Any) -> None:
        """Write one of the configuration files that SageMaker places in a container."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def real(self, text: str) -> str:
        """A text with the paths on this machine instead of those in the container."""
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
            environment: its variables.
            folder: its working directory.
            seconds: its timeout.

        Raises:
            StepFailedError: it returned an exit code other than 0, timed out, was killed, or did not start.
            StepStoppedError: a stop was requested.
        """
        command = Command(
            arguments=tuple(self.real(argument) for argument in arguments),
            folder=folder or self.folder,
            log=self.log,
            environment={name: self.real(value) for name, value in environment.items()},
        )
        self._keep(command)
        with self._context.job_limiter.slot(self._stop):
            try:
                status = self._context.processes.run(command, self._stop, seconds)
            except JobTimeoutError:
                raise client_error(f"the job took more than the {seconds:g} seconds that it is allowed") from None
            except OSError as error:
                raise internal_error(f"the job could not be started: {error}") from error
        self.seconds += status.seconds
        if status.exit_code < 0:
            raise internal_error(f"the job was killed by signal {-status.exit_code}")
        if status.exit_code > 0:
            message = (self._failure() or self.last_line()).removeprefix("error: ")
            raise algorithm_error(message or f"exit code {status.exit_code}")

    def last_line(self) -> str:
        """The last line of this attempt's log."""
        if not self.log.exists():
            return ""
        lines = self._log_from(self.log.stat().st_size - _TAIL_BYTES).strip().splitlines()
        return lines[-1].strip()[:_MAX_MESSAGE] if lines else ""

    def log_text(self) -> str:
        """This attempt's log."""
        return self._log_from(self._begin) if self.log.exists() else ""

    def drop_inputs(self) -> None:
        """Remove the copies of inputs, which are in S3; only the outputs and the log are of interest afterwards."""
        for place in INPUTS:
            shutil.rmtree(self.path(place), ignore_errors=True)

    def _keep(self, command: Command) -> None:
        content = {
            "arguments": command.arguments,
            "folder": str(command.folder),
            "environment": dict(command.environment),
        }
        (self.folder / COMMAND).write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _log_from(self, place: int) -> str:
        with self.log.open("rb") as log:
            log.seek(max(self._begin, place))
            return log.read().decode("utf-8", errors="replace").replace("\r\n", "\n")

    def _failure(self) -> str:
        """The reason that a training script wrote to /opt/ml/output/failure."""
        path = self.path(f"{ML}/output/failure")
        return path.read_text(encoding="utf-8", errors="replace").strip()[:_MAX_MESSAGE] if path.is_file() else ""


def relative(path: Path, work: Path) -> str:
    """A path relative to the working folder, as in a record."""
    return Path(os.path.relpath(path, work)).as_posix()
