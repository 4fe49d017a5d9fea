"""Measure local mode in a generated project: the rehearsal, the runner's overhead, a cached re-run, and compiling."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.table import Table

BARE_IMPORT = """
import os, time
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
started = time.perf_counter()
import sagemaker.core.workflow.conditions, sagemaker.core.workflow.functions, sagemaker.core.workflow.parameters
import sagemaker.core.workflow.properties, sagemaker.core.workflow.execution_variables
import sagemaker.mlops.workflow.pipeline, sagemaker.mlops.workflow.steps
import sagemaker.mlops.workflow.condition_step, sagemaker.mlops.workflow.fail_step
print(time.perf_counter() - started)
"""
COMPILE = """
import time
from pathlib import Path
started = time.perf_counter()
from mlops_kit.definition.compile import compile_all
compile_all(Path.cwd())
print(time.perf_counter() - started)
"""
CACHED = """
import time
from pathlib import Path
from mlops_kit.local_cloud.cloud import LocalCloud

with LocalCloud(Path.cwd()) as cloud:
    cloud.upload(Path("data/training-data.csv"), f"s3://{cloud.environment.bucket}/data/training/training-data.csv")
    cloud.deploy()
    first = cloud.run("training", {})
    started = time.perf_counter()
    again = cloud.run("training", {})
    seconds = time.perf_counter() - started
assert first.status == again.status == "Succeeded", again.reason
jobs = [step for step in again.steps if step.type in ("Processing", "Training", "QualityCheck")]
assert all(step.cache_hit for step in jobs), "a job ran again"
print(seconds)
"""
JOBS = ("Processing", "Training", "Transform", "QualityCheck", "Lambda")  # a tuning runs several jobs at a time


@dataclass(frozen=True)
class Figures:
    """What was measured, in seconds; medians."""

    rehearsal: float
    jobs: float
    overhead: float
    bare_import: float
    compile: float
    cached: float


def measure_local_mode(project: Path, repeat: int) -> Figures:
    """Run the rehearsal, the compiler and a cached execution of a generated project in turn.

    Args:
        project: generated, with its data.
        repeat: runs of each; the first one, which makes what is kept, does not count.
    """
    rehearsals, jobs, overheads = [], [], []
    for turn in range(repeat + 1):
        shutil.rmtree(project / ".local", ignore_errors=True)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mlops_kit", "local", "demo", "--no-infra"],
            cwd=project,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if turn:
            rehearsals.append(time.perf_counter() - started)
            job_seconds, step_seconds = seconds_of_steps(project)
            jobs.append(job_seconds)
            overheads.append(step_seconds - job_seconds)
    inner = {name: printed(script, project, repeat) for name, script in (("bare", BARE_IMPORT), ("compile", COMPILE))}
    return Figures(
        rehearsal=statistics.median(rehearsals),
        jobs=statistics.median(jobs),
        overhead=statistics.median(overheads),
        bare_import=inner["bare"],
        compile=inner["compile"],
        cached=printed(CACHED, project, repeat),
    )


def seconds_of_steps(project: Path) -> tuple[float, float]:
    """The seconds that the jobs of the last rehearsal took by themselves, and those that their steps took."""
    own = whole = 0.0
    for path in (project / ".local" / "executions").glob("*/*/execution.json"):
        for step in json.loads(path.read_text("utf-8"))["steps"]:
            if step["type"] in JOBS and step["started"] and step["ended"] and not step["cache_hit"]:
                began, ended = (
                    datetime.fromisoformat(step[key].replace("Z", "+00:00")) for key in ("started", "ended")
                )
                own += step["job_seconds"]
                whole += (ended - began).total_seconds()
    return own, whole


def printed(script: str, project: Path, repeat: int) -> float:
    """The median of the seconds that a script prints last, after a run that does not count."""
    found = []
    for _ in range(repeat + 1):
        command = [sys.executable, "-c", script]
        run = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
        found.append(float(run.stdout.split()[-1]))
    return statistics.median(found[1:])


def local_mode_table(figures: Figures) -> Table:
    """The figures beside what they have to reach."""
    table = Table("local mode", "measured", "to reach", title="Local mode")
    table.add_row("make local, the rehearsal", f"{figures.rehearsal:.1f} s", "at most 9 s")
    table.add_row(
        f"the runner's own time against the jobs' {figures.jobs:.1f} s",
        f"{figures.overhead / figures.jobs:.1%}",
        "at most 15 %",
    )
    table.add_row(
        f"compile all definitions against the SDK's import of {figures.bare_import:.2f} s",
        f"{figures.compile / figures.bare_import:.2f}",
        "at most 1.3",
    )
    table.add_row("a training execution again, all jobs cached", f"{figures.cached:.2f} s", "at most 2 s")
    return table
