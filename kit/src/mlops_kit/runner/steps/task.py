"""One attempt at a step: its request, and the resources it can use."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_kit.runner.container import LOG, Container, relative
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.step_result import OutputFile
from mlops_kit.runner.stop import Stop


@dataclass
class Task:
    """One attempt at a step.

    Attributes:
        request: the parameters of the API's operation, with all expressions resolved.
        options: other fields of the step's definition, like SkipCheck.
        execution_id: the execution it belongs to.
        folder: of the step.
        job_seconds: the total time of its processes so far.
        last_lines: the last lines of the logs of its instances.
    """

    name: str
    request: dict[str, Any]
    options: dict[str, Any]
    execution_id: str
    folder: Path
    context: RuntimeContext
    stop: Stop
    job_seconds: float = 0.0
    last_lines: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def job_name(self, max_length: int = 63) -> str:
        """A new name for a job of this step, in SageMaker's format, with a maximum number of characters."""
        name = f"pipelines-{self.execution_id}-{self.name[:30]}".replace("_", "-")
        random = secrets.token_hex(5)
        return f"{name[: max_length - len(random) - 1].rstrip('-')}-{random}"

    def container(self, *below: str, stop: Stop | None = None) -> Container:
        """A container with an empty /opt/ml, in the step's folder or a subfolder."""
        folder = self.folder.joinpath(*below)
        shutil.rmtree(folder / "opt", ignore_errors=True)
        return Container(self.context, stop or self.stop, folder)

    def run(self, container: Container, arguments: Sequence[str], environment: Mapping[str, str], **more: Any) -> None:
        """Run a command line in a container; see `Container.run`."""
        try:
            container.run(arguments, environment, **more)
        finally:
            with self._lock:
                self.job_seconds += container.seconds

    def output(self, name: str, s3_uri: str, path: Path) -> OutputFile:
        """An output of the step on this machine."""
        return OutputFile(name, s3_uri, relative(path, self.context.work))

    def log(self) -> str | None:
        """The step's log, relative to the working folder; None if it has none."""
        path = self.folder / LOG
        return relative(path, self.context.work) if path.exists() else None


def s3_source(source: Mapping[str, Any]) -> tuple[str, str]:
    """The URI and the distribution of an S3DataSource or S3Input.

    Raises:
        StepFailedError: local mode does not support its type.
    """
    kind = source.get("S3DataType", "S3Prefix")
    if kind != "S3Prefix":
        raise client_error(f"{source['S3Uri']} has the type {kind}; local mode reads an S3Prefix only")
    return source["S3Uri"], source.get("S3DataDistributionType", "FullyReplicated")


def max_seconds(request: Mapping[str, Any]) -> float | None:
    """The maximum number of seconds of a job."""
    seconds = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return float(seconds) if seconds is not None else None
