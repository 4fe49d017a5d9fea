"""What is being deployed, as git and the variables of the CI tell it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Lineage:
    """Where a definition comes from, to be found again on every model."""

    git_commit: str = UNKNOWN
    build_id: str = UNKNOWN
    repository: str = UNKNOWN


def read_lineage(root: Path) -> Lineage:
    """Ask the CI (GitLab, GitHub, or a BUILD_ID), then git; what neither knows is "unknown".

    Outside the CI a commit whose files have been changed since is told as such: <commit>-dirty.
    """
    build = _variable("CI_PIPELINE_ID", "GITHUB_RUN_ID", "BUILD_ID")
    commit = _variable("CI_COMMIT_SHA", "GITHUB_SHA") or _commit(root, in_ci=bool(build))
    repository = _variable("CI_PROJECT_URL", "GITHUB_REPOSITORY") or _git(root, "remote", "get-url", "origin")
    return Lineage(commit or UNKNOWN, build or UNKNOWN, _without_credentials(repository) or UNKNOWN)


def _variable(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _commit(root: Path, *, in_ci: bool) -> str:
    """The commit that the project's files are at; empty before the first."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    changed = commit and not in_ci and _git(root, "status", "--porcelain", "--", ".")
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    """What git says of the project; empty where there is no git, or it has no answer."""
    command = ["git", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return "" if answer.returncode else answer.stdout.strip()


def _without_credentials(url: str) -> str:
    """A URL as anybody may read it: CI clones with a token in it."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)
