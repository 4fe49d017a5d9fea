"""One attempt at a step: what it was asked for, and what it may use."""

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
        request: the parameters of the API's operation, every expression worked out.
        options: what else the step's definition holds, like SkipCheck.
        execution_id: the execution it belongs to.
        folder: the step's own folder.
        job_seconds: how long processes ran for it so far, added up.
        said: how the logs of its instances end.
    """

    name: str
    request: dict[str, Any]
    options: dict[str, Any]
    execution_id: str
    folder: Path
    context: RuntimeContext
    stop: Stop
    job_seconds: float = 0.0
    said: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def job_name(self, longest: int = 63) -> str:
        """A new name for a job of this step, as SageMaker makes them, of at most so many characters."""
        name = f"pipelines-{self.execution_id}-{self.name[:30]}".replace("_", "-")
        random = secrets.token_hex(5)
        return f"{name[: longest - len(random) - 1].rstrip('-')}-{random}"

    def container(self, *below: str, stop: Stop | None = None) -> Container:
        """A container with an empty /opt/ml, in the step's folder or below."""
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
        """Something that can be looked at."""
        return OutputFile(name, s3_uri, relative(path, self.context.work))

    def log(self) -> str | None:
        """The step's log, below the working folder."""
        path = self.folder / LOG
        return relative(path, self.context.work) if path.exists() else None


def s3_source(source: Mapping[str, Any]) -> tuple[str, str]:
    """URI and distribution of an S3DataSource or S3Input.

    Raises:
        StepFailedError: it is of a type that local mode does not read.
    """
    kind = source.get("S3DataType", "S3Prefix")
    if kind != "S3Prefix":
        raise client_error(f"{source['S3Uri']} is given as {kind}; local mode reads an S3Prefix only")
    return source["S3Uri"], source.get("S3DataDistributionType", "FullyReplicated")


def longest(request: Mapping[str, Any]) -> float | None:
    """How many seconds a job may take."""
    seconds = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return float(seconds) if seconds is not None else None
