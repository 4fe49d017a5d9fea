"""Update many generated repositories to a newer release of the template, each on a branch.

python tools/update_fleet.py REPOSITORY... [--from FILE] [--vcs-ref TAG] [--branch NAME]

A repository must have a clean work tree. What happens next depends on the result of `copier update`:

updated    every change merged: they are committed on the branch
conflict   some lines changed on both sides: the branch is checked out with markers in the named files, not committed
current    the repository already has this release: no branch is created
failed     the update could not run: the repository is exactly as it was before

The exit code is 1 if any repository is in conflict or failed, and 0 otherwise. Nothing is pushed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ANSWERS = ".copier-answers.yml"
CONFLICT_MARKER = "^(<<<<<<<|>>>>>>>)( |$)"  # not =======, which also underlines headings
HEADER = ("repository", "from", "to", "result", "details")


class UpdateError(Exception):
    """An update that cannot run; its message is one line."""


@dataclass(frozen=True)
class Result:
    """The outcome for one repository: a row of the table."""

    repository: Path
    old: str
    new: str
    result: str
    details: str = ""

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to look at the repository."""
        return self.result in {"conflict", "failed"}


def git(repository: Path, *arguments: str, check: bool = True) -> str:
    """Run git in a repository and return its output."""
    return run(["git", "-C", str(repository), *arguments], repository, check=check)


def run(command: list[str], cwd: Path, *, check: bool = True) -> str:
    """Run a command and return its output.

    Raises:
        UpdateError: The command failed and `check` is set.
    """
    process = subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8")
    if check and process.returncode:
        lines = (process.stderr.strip() or process.stdout.strip()).splitlines()
        raise UpdateError(lines[-1] if lines else f"{command[0]} ended with exit code {process.returncode}")
    return process.stdout.strip()


def update(repository: Path, branch: str, vcs_ref: str | None) -> Result:
    """Update one repository on a branch; leave no trace if there is nothing to update or the update fails."""
    old = "-"
    try:
        old = release(repository)
        start = check_repository(repository)
        git(repository, "switch", "--quiet", "--create", branch)
    except UpdateError as error:
        return Result(repository, old, "-", "failed", str(error))
    try:
        result = merge(repository, old, vcs_ref)
    except UpdateError as error:
        result = Result(repository, old, "-", "failed", str(error))
    except KeyboardInterrupt:
        undo(repository, start, branch)
        raise
    if result.result in {"current", "failed"}:
        undo(repository, start, branch)
    return result


def release(repository: Path) -> str:
    """Return the release of the template that a repository has.

    Raises:
        UpdateError: The repository was not generated from a release of a template.
    """
    answers = repository / ANSWERS
    if not answers.is_file():
        raise UpdateError(f"no {ANSWERS}: not a repository generated from the template")
    commit = (yaml.safe_load(answers.read_text(encoding="utf-8")) or {}).get("_commit")
    if not commit:
        raise UpdateError(f"{ANSWERS} has no _commit, so the release to update from is unknown")
    return str(commit)


def check_repository(repository: Path) -> str:
    """Return the branch or commit that is checked out.

    Raises:
        UpdateError: The work tree is not clean, so an update could mix with somebody's work.
    """
    if git(repository, "status", "--porcelain"):
        raise UpdateError("uncommitted changes: commit or stash them first")
    return git(repository, "symbolic-ref", "--quiet", "--short", "HEAD", check=False) or git(
        repository, "rev-parse", "HEAD"
    )


def merge(repository: Path, old: str, vcs_ref: str | None) -> Result:
    """Run `copier update` on the current branch, and commit the result if it has no conflict."""
    reference = ["--vcs-ref", vcs_ref] if vcs_ref else []
    run([sys.executable, "-m", "copier", "update", "--quiet", "--defaults", *reference], repository)
    if not git(repository, "status", "--porcelain"):
        return Result(repository, old, old, "current")
    unresolved = conflicts(repository)
    new = (vcs_ref or "latest") if ANSWERS in unresolved else release(repository)
    if unresolved:
        return Result(repository, old, new, "conflict", ", ".join(unresolved))
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", f"Update the template from {old} to {new}")
    return Result(repository, old, new, "updated")


def conflicts(repository: Path) -> list[str]:
    """List the files that need a decision: unmerged, with conflict markers, or rejected patches."""
    unmerged = git(repository, "diff", "--name-only", "--diff-filter=U")
    marked = git(repository, "grep", "--untracked", "-lIE", CONFLICT_MARKER, check=False)
    rejected = git(repository, "ls-files", "--cached", "--others", "--exclude-standard", "*.rej")
    return sorted({*unmerged.splitlines(), *marked.splitlines(), *rejected.splitlines()})


def undo(repository: Path, start: str, branch: str) -> None:
    """Restore the checkout from before the update. The work tree was clean, so this deletes nobody's work."""
    git(repository, "reset", "--quiet", "--hard")
    git(repository, "clean", "--quiet", "-d", "--force")
    git(repository, "checkout", "--quiet", start)
    git(repository, "branch", "--quiet", "--delete", "--force", branch)


def repositories(arguments: argparse.Namespace) -> list[Path]:
    """Return the repositories named on the command line and in the file, each once."""
    lines = arguments.file.read_text(encoding="utf-8").splitlines() if arguments.file else []
    named = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return list(dict.fromkeys(Path(name).resolve() for name in [*arguments.repositories, *named]))


def table(results: list[Result]) -> str:
    """Format the results as aligned columns."""
    rows = [HEADER, *((str(each.repository), each.old, each.new, each.result, each.details) for each in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Update every repository, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description="Update many generated repositories, each on a branch.")
    parser.add_argument("repositories", nargs="*", metavar="REPOSITORY", help="path of a repository")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="file with one repository path per line")
    parser.add_argument("--vcs-ref", metavar="TAG", help="release to update to (default: the latest)")
    parser.add_argument("--branch", default="template-update", help="branch to create (default: %(default)s)")
    arguments = parser.parse_args(argv)
    paths = repositories(arguments)
    if not paths:
        parser.error("name at least one repository, or a file with --from")
    results = []
    for number, repository in enumerate(paths, start=1):
        print(f"[{number}/{len(paths)}] {repository}", file=sys.stderr, flush=True)
        results.append(update(repository, arguments.branch, arguments.vcs_ref))
    print(table(results))
    return int(any(each.needs_attention for each in results))


if __name__ == "__main__":
    sys.exit(main())
