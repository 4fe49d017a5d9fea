"""Measure what a generated project consists of: files, lines, and the Python that its team has to know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.table import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


def project_table(project: Path) -> Table:
    """Sizes of a project that was just generated with the default answers.

    Args:
        project: its folder; a git repository is created in it, so that git decides what is a file of the project.
    """
    subprocess.run(["git", "-C", str(project), "init", "--quiet"], check=True)
    names = _tracked(project)
    texts = {name: content for name in names if (content := _text(project / name)) is not None}
    python = sum(_lines(text) for name, text in texts.items() if name.endswith(".py") and not name.startswith("tests/"))
    table = Table("generated project, default answers", "measured", "to reach", title="Project")
    table.add_row("files", f"{len(names):,}", "at most 160")
    table.add_row("lines of text", f"{sum(map(_lines, texts.values())):,}", "at most 17,000")
    table.add_row("lines of Python without tests", f"{python:,}", "at most 5,000")
    table.add_row("omit entries in both pyproject.toml", str(_omits(ROOT) + _omits(project)), "0")
    return table


def _tracked(project: Path) -> list[str]:
    listing = subprocess.run(
        ["git", "-C", str(project), "ls-files", "-coz", "--exclude-standard"], check=True, capture_output=True
    )
    return [name.decode() for name in listing.stdout.split(b"\0") if name]


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> int:
    return text.count("\n")


def _omits(folder: Path) -> int:
    coverage = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]
    return len(coverage["run"].get("omit", []))
