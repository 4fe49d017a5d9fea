"""A runner for GitLab's pipelines on this machine: gitlab-ci-local, with its Node, from npm into build/ci_runner.

Where it cannot be had a test is skipped and says why; with REQUIRE_CI_RUNNER=1, as in .ci/run, it fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from support import ROOT, do_without
from terraform import locked

SWITCH = "REQUIRE_CI_RUNNER"
PINS = "node@22.23.3 gitlab-ci-local@4.75.1"
FOLDER = ROOT / "build" / "ci_runner"
INSTALLED = FOLDER / "installed.txt"  # the pins that were
NODE = FOLDER / "node_modules" / "node" / "bin" / "node"
PROGRAM = FOLDER / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"


class Runner:
    """Runs the pipeline of a project, as a GitLab would that has one machine.

    Args:
        project: a git repository.
        home: a folder for what the runner keeps of its own.
        variables: of every job.
    """

    def __init__(self, project: Path, home: Path, variables: Mapping[str, str] | None = None) -> None:
        require_runner()
        self._project = project
        self._home = home
        self._variables = dict(variables or {})

    def jobs(self, context: Mapping[str, str | None]) -> dict[str, str]:
        """When each job runs (on_success or manual), by name; those that are left out are left out.

        Args:
            context: variables that GitLab would set; None for one that it would not.

        Raises:
            AssertionError: a job needs one that is left out, for which GitLab refuses the whole pipeline.
        """
        listed = self._call("--list-json", *_given(context))
        assert listed.returncode == 0, listed.stderr
        there = {job["name"]: job for job in json.loads(listed.stdout) if job["when"] != "never"}
        for name, job in there.items():
            absent = {need["job"] for need in job.get("needs", [])} - set(there)
            assert not absent, f"{name} needs what is left out: {absent}"
        return {name: job["when"] for name, job in there.items()}

    def run(
        self, jobs: Sequence[str], context: Mapping[str, str | None], *, manual: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run jobs, each after those of them that it needs; of others that it needs it takes what they left before.

        Args:
            jobs: their names.
            context: see `jobs`.
            manual: those that somebody starts by hand.
        """
        pressed = [f"--manual={job}" for job in manual]
        return self._call(*jobs, *pressed, *_given({**context, **self._variables}))

    def artifact(self, path: str) -> Path:
        """A file that the one job has left which leaves it."""
        (found,) = (self._project / ".gitlab-ci-local" / "artifacts").glob(f"*/{path}")
        return found

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call it with this Python first, nobody's AWS account in the environment, and no setting of the user's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GCL_", "TF_"))}
        path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
        # The schema is looked at once, by check-jsonschema.
        flags = ["--force-shell-executor", "--shell-isolation", "--json-schema-validation=false", "--no-color"]
        return subprocess.run(
            [str(NODE), str(PROGRAM), *flags, f"--home={self._home}", *arguments],
            cwd=self._project,
            env={**kept, "HOME": str(self._home), "PATH": path},
            capture_output=True,
            text=True,
        )


@cache
def require_runner() -> None:
    """See to it that the runner is there; where it cannot be, skip the test or fail it."""
    absent = [program for program in ("npm", "rsync") if shutil.which(program) is None]
    if absent:
        do_without(f"not installed: {', '.join(absent)} (Debian: apt-get install {' '.join(absent)})", SWITCH)
    with locked(FOLDER.with_suffix(".lock")):
        if not INSTALLED.is_file() or INSTALLED.read_text("utf-8") != PINS:
            _install()


def _install() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run(["npm", "install", *quiet, *PINS.split()], cwd=FOLDER, capture_output=True, text=True)
    if done.returncode:
        do_without(f"npm cannot install {PINS}\n{done.stderr}", SWITCH)
    INSTALLED.write_text(PINS, encoding="utf-8")


def _given(context: Mapping[str, Any]) -> list[str]:
    """Variables as arguments."""
    given = [f"--variable={name}={value}" for name, value in context.items() if value is not None]
    unset = [f"--unset-variable={name}" for name, value in context.items() if value is None]
    return [*given, *unset, f"--ignore-predefined-vars={','.join(context)}"]
