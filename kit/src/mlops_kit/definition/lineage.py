"""The lineage of a deployment, from the CI's environment variables and from git."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Lineage:
    """The origin of a definition; every model has it in its metadata."""

    git_commit: str = UNKNOWN
    build_id: str = UNKNOWN
    repository: str = UNKNOWN


def read_lineage(root: Path) -> Lineage:
    """Read the variables of the CI (GitLab, GitHub, or a BUILD_ID), then git; missing facts are "unknown".

    Outside the CI a commit with uncommitted changes is <commit>-dirty.
    """
    build = _variable("CI_PIPELINE_ID", "GITHUB_RUN_ID", "BUILD_ID")
    commit = _variable("CI_COMMIT_SHA", "GITHUB_SHA") or _commit(root, in_ci=bool(build))
    repository = _variable("CI_PROJECT_URL", "GITHUB_REPOSITORY") or _git(root, "remote", "get-url", "origin")
    return Lineage(commit or UNKNOWN, build or UNKNOWN, _without_credentials(repository) or UNKNOWN)


def _variable(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _commit(root: Path, *, in_ci: bool) -> str:
    """The commit of the project's files; empty before the first commit."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    changed = commit and not in_ci and _git(root, "status", "--porcelain", "--", ".")
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    """The output of a git command in the project; empty if it fails or git is not installed."""
    command = ["git", "-C", str(root), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return "" if process.returncode else process.stdout.strip()


def _without_credentials(url: str) -> str:
    """A URL without the token with which a CI clones."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)
