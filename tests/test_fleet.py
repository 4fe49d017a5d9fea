"""One command updates many repositories, and its exit code is 1 if any of them needs attention."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml

from support import ROOT, TREE, git

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "tools" / "update_fleet.py"


def commit(repository: Path, message: str, tag: str = "") -> None:
    """Commit every change, and tag the commit if asked to."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", message)
    if tag:
        git(repository, "tag", tag)


def prepend(path: Path, line: str) -> None:
    """Insert a line at the top of a file."""
    path.write_text(f"{line}\n{path.read_text('utf-8')}", encoding="utf-8")


@pytest.fixture
def template_v1(small_template: Path, tmp_path: Path) -> Path:
    """A repository of a small template with one release, v1.0.0."""
    repository = tmp_path / "template"
    shutil.copytree(small_template, repository)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(repository))
    commit(repository, "First release", tag="v1.0.0")
    return repository


@pytest.fixture
def fleet(template_v1: Path, tmp_path: Path) -> dict[str, Path]:
    """Three repositories of v1.0.0, of which the second has edited a line that v2.0.0 changes."""
    fleet = {name: tmp_path / "fleet" / name for name in ("untouched", "edited", "extended")}
    copier.run_copy(str(template_v1), fleet["untouched"], defaults=True, quiet=True)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(fleet["untouched"]))
    commit(fleet["untouched"], "From the template")
    for name in ("edited", "extended"):
        shutil.copytree(fleet["untouched"], fleet[name])
    prepend(fleet["edited"] / "README.md", "The team's first line.")
    commit(fleet["edited"], "Edit a line")
    (fleet["extended"] / "own.py").write_text("OWN = 1\n", encoding="utf-8")
    commit(fleet["extended"], "Add a file")
    prepend(template_v1 / TREE / "README.md", "The template's first line.")
    commit(template_v1, "Second release", tag="v2.0.0")
    return fleet


def update_fleet(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a platform engineer would."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def results(run: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Map the name of each repository to the rest of its row in the table."""
    rows = [row.split() for row in run.stdout.splitlines()[1:]]
    return {Path(row[0]).name: row[1:] for row in rows}


def state(repository: Path) -> tuple[str, str, str]:
    """Return everything that an update can change: the branches, the checkout and the work tree."""
    return git(repository, "branch", "--all"), git(repository, "rev-parse", "HEAD"), git(repository, "status", "-s")


def conflict_hook(repository: Path) -> subprocess.CompletedProcess[str]:
    """Run the pre-commit hook of the generated tree that searches for conflicts."""
    hooks = yaml.safe_load((ROOT / TREE / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    entry = next(hook["entry"] for hook in hooks if hook["id"] == "conflicts")
    return subprocess.run(shlex.split(entry), cwd=repository, capture_output=True, text=True)


def test_repositories_without_conflicts_are_committed_and_the_exit_code_reports_the_one_with(
    fleet: dict[str, Path], tmp_path: Path
) -> None:
    paths = tmp_path / "repositories.txt"
    paths.write_text(f"# The fleet\n\n{fleet['edited']}\n{fleet['extended']}\n{fleet['untouched']}\n", encoding="utf-8")

    run = update_fleet(fleet["untouched"], "--from", paths)

    assert run.returncode == 1, run.stdout + run.stderr
    assert results(run) == {
        "untouched": ["v1.0.0", "v2.0.0", "updated"],
        "edited": ["v1.0.0", "v2.0.0", "conflict", "README.md"],
        "extended": ["v1.0.0", "v2.0.0", "updated"],
    }
    for name in ("untouched", "extended"):
        assert git(fleet[name], "status", "--porcelain") == ""
        assert git(fleet[name], "log", "-1", "--format=%s") == "Update the template from v1.0.0 to v2.0.0"
        assert git(fleet[name], "branch", "--show-current") == "template-update"
        assert (fleet[name] / "README.md").read_text("utf-8").startswith("The template's first line.\n")
    assert (fleet["extended"] / "own.py").exists()
    assert git(fleet["edited"], "log", "-1", "--format=%s") == "Edit a line"
    assert "<<<<<<< before updating\n" in (fleet["edited"] / "README.md").read_text("utf-8")


def test_without_a_conflict_the_exit_code_is_0_and_a_second_run_changes_nothing(fleet: dict[str, Path]) -> None:
    first = update_fleet(fleet["untouched"], "--vcs-ref", "v2.0.0", "--branch", "first")
    before = state(fleet["untouched"])
    second = update_fleet(fleet["untouched"], "--branch", "second")
    assert (first.returncode, second.returncode) == (0, 0)
    assert results(first) == {"untouched": ["v1.0.0", "v2.0.0", "updated"]}
    assert results(second) == {"untouched": ["v2.0.0", "v2.0.0", "current"]}
    assert state(fleet["untouched"]) == before


def test_a_repository_that_cannot_be_updated_stays_as_it_was_and_the_others_are_updated(
    fleet: dict[str, Path], tmp_path: Path
) -> None:
    (fleet["edited"] / "unfinished.py").touch()
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    before = state(fleet["edited"])

    run = update_fleet(fleet["edited"], stranger, fleet["extended"])

    assert run.returncode == 1
    assert results(run)["extended"] == ["v1.0.0", "v2.0.0", "updated"]
    assert "uncommitted changes: commit or stash them first" in run.stdout
    assert "no .copier-answers.yml: not a repository generated from the template" in run.stdout
    assert state(fleet["edited"]) == before


def test_an_unknown_release_fails_and_leaves_no_branch(fleet: dict[str, Path]) -> None:
    before = state(fleet["untouched"])
    run = update_fleet(fleet["untouched"], "--vcs-ref", "v9.9.9")
    assert run.returncode == 1
    assert results(run)["untouched"][2] == "failed"
    assert state(fleet["untouched"]) == before


def test_a_command_without_a_repository_is_refused() -> None:
    run = update_fleet()
    assert run.returncode == 2
    assert "name at least one repository, or a file with --from" in run.stderr


def test_the_hook_of_a_project_reports_conflict_markers_and_rejected_patches(fleet: dict[str, Path]) -> None:
    update_fleet(fleet["edited"])
    conflict = conflict_hook(fleet["edited"])
    assert conflict.returncode == 1
    assert "README.md:1:<<<<<<< before updating" in conflict.stdout

    assert conflict_hook(fleet["extended"]).returncode == 0
    (fleet["extended"] / "Makefile.rej").touch()
    rejected = conflict_hook(fleet["extended"])
    assert rejected.returncode == 1
    assert rejected.stdout == "Makefile.rej\n"
