"""Run the job of a step again: its script, its command line and its inputs, in a folder of their own.

A local step that failed has kept all three. Those of any other step are made again from the job's request, with the
inputs from S3.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit.runner.cache import Cache
from mlops_kit.runner.container import COMMAND, INPUTS, ML, Container
from mlops_kit.runner.failures import StepFailedError
from mlops_kit.runner.job_limiter import JobLimiter
from mlops_kit.runner.objects import Entry, Objects
from mlops_kit.runner.processes import Command
from mlops_kit.runner.processes.process import ExitStatus
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.steps import processing, training
from mlops_kit.runner.steps.hosts import Host
from mlops_kit.runner.steps.task import Task
from mlops_kit.runner.stop import Stop

RUN_INSTANCE = {"Processing": processing.run_instance, "Training": training.run_instance}
OUTPUTS = ("processing/output", "model", "output")  # below /opt/ml: a run begins with none


@dataclass(frozen=True)
class Job:
    """A job that can be run.

    Attributes:
        folder: replaces the root of its container.
        arguments: its command line, with the paths of this machine.
        working_folder: where it runs.
        environment: variables in addition to those of the machine.
    """

    folder: Path
    arguments: tuple[str, ...]
    working_folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def script(self) -> Path:
        """Its script."""
        return Path(self.arguments[1])

    def with_script_of(self, jobs: Path) -> Job:
        """The same job with the script of the same name in a project's jobs/, if there is one."""
        own = jobs / self.script.name
        if not own.is_file():
            return self
        return replace(self, arguments=(self.arguments[0], str(own), *self.arguments[2:]), working_folder=jobs.parent)

    def command(self, *, debugger: bool) -> list[str]:
        """The command line with this interpreter, and with pdb where asked for."""
        return [sys.executable, *(["-m", "pdb"] if debugger else []), *self.arguments[1:]]

    def shell_line(self, *, debugger: bool) -> str:
        """The same for a shell, with the variables and the working folder."""
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join(
            ["cd", shlex.quote(str(self.working_folder)), "&&", *variables, shlex.join(self.command(debugger=debugger))]
        )

    def run(self, *, debugger: bool) -> int:
        """Run it in this terminal, and return its exit code."""
        environment = {**os.environ, "PYTHONUTF8": "1", **self.environment}
        return subprocess.call(self.command(debugger=debugger), cwd=self.working_folder, env=environment)


def kept_job(step_folder: Path) -> Job | None:
    """The job of a local step as it ran last; None where its folder has no inputs any more."""
    kept = [path.parent for path in step_folder.rglob(COMMAND) if _has_inputs(path.parent)]
    if not kept:
        return None
    folder = max(kept, key=lambda path: (path / COMMAND).stat().st_mtime)
    content = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
    return Job(folder, tuple(content["arguments"]), Path(content["folder"]), content["environment"])


def copied(job: Job, folder: Path) -> Job:
    """The job in a folder of its own, without outputs, so that what the step has left stays as it is."""
    shutil.rmtree(folder, ignore_errors=True)
    before, opt = job.folder.as_posix(), job.folder / ML.lstrip("/")
    emptied = {str(opt / place) for place in OUTPUTS}

    def outputs_of(place: str, names: list[str]) -> list[str]:
        return [name for name in names if any(f"{place}/{name}".startswith(f"{root}/") for root in emptied)]

    shutil.copytree(opt, folder / ML.lstrip("/"), ignore=outputs_of, copy_function=_link)
    for place in OUTPUTS:
        for path in (opt / place).glob("*/"):
            (folder / ML.lstrip("/") / place / path.name).mkdir(parents=True, exist_ok=True)

    def moved(text: str) -> str:
        return text.replace(before, folder.as_posix())

    return Job(
        folder,
        tuple(map(moved, job.arguments)),
        Path(moved(job.working_folder.as_posix())),
        {name: moved(value) for name, value in job.environment.items()},
    )


def job_of_request(step: str, kind: str, request: dict[str, Any], s3: Any, folder: Path) -> Job:
    """The job of a request, with its inputs downloaded; on one instance, which gets the files of all.

    Args:
        step: the step's name.
        kind: Processing or Training.
        request: in the form of CreateProcessingJob or CreateTrainingJob, or the answer of the Describe operation.
        s3: boto3's client.
        folder: where to; replaced.

    Raises:
        UserError: an input does not exist any more, or the job has no script.
    """
    shutil.rmtree(folder, ignore_errors=True)
    captured = _Captured()
    objects = Objects(s3, lambda bucket, prefix: _listing(s3, bucket, prefix))
    context = RuntimeContext(
        work=folder,
        region="",
        account_id="",
        environment={},
        processes=captured,
        job_limiter=JobLimiter(),
        objects=objects,
        cache=Cache(objects.exist),
        sagemaker=None,
        function=lambda _: None,
        wait=lambda *_: None,
    )
    stop = Stop()
    task = Task(step, request, {}, "again", folder, context, stop)
    container = Container(context, stop, folder)
    try:
        RUN_INSTANCE[kind](task, request, Host(0, "algo-1", ("algo-1",), container))
    except StepFailedError as error:
        raise UserError(f"{step} cannot be run again: {error.reason}") from error
    command = captured.command
    return Job(folder, command.arguments, command.folder, command.environment)


class _Captured:
    """Takes a command instead of running it."""

    def __init__(self) -> None:
        self.command = Command((), Path(), Path())

    def run(self, command: Command, stop: Stop, timeout: float | None = None) -> ExitStatus:
        self.command = command
        return ExitStatus(0, 0.0)

    def close(self) -> None:
        """There is no process."""


def _has_inputs(folder: Path) -> bool:
    return any((folder / place.lstrip("/")).is_dir() for place in INPUTS)


def _link(source: str, target: str) -> None:
    """A second name for a file: a copy would take time and space, and nothing writes to an input."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _listing(s3: Any, bucket: str, prefix: str) -> list[Entry]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [Entry(found["Key"], found["ETag"], found["Size"]) for page in pages for found in page.get("Contents", [])]
