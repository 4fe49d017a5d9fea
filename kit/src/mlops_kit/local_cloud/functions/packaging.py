"""Package the project's Lambda functions with the project's own script, as a deployment does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.project import open_project

SCRIPT = "package_lambdas.py"  # in the project's folder of infrastructure; Terraform deploys what it writes


class PackagingError(UserError):
    """The project's script refuses to package its functions."""


def write_packages(root: Path, build: Path) -> list[Path]:
    """Write the package of each function, <folder>.zip, and return the packages' paths by name.

    Args:
        root: the project; without the script it has no packages.
        build: the folder for the packages.

    Raises:
        PackagingError: the script ended with an error.
    """
    script = open_project(root).infrastructure / SCRIPT
    if not script.is_file():
        return []
    command = [sys.executable, str(script), "--build", str(build)]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or [f"{script} ended with exit code {ended.returncode}"])[-1]
        raise PackagingError(f"the Lambda functions cannot be packed: {reason}")
    return sorted(build.glob("*.zip"))


def read_packages(root: Path) -> dict[str, bytes]:
    """The content of each function's package, by the name of the function's folder.

    Raises:
        PackagingError: the script ended with an error.
    """
    with tempfile.TemporaryDirectory() as build:
        return {path.stem: path.read_bytes() for path in write_packages(root, Path(build))}
