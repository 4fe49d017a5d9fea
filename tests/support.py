"""What the tests share that is not a fixture."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

Bake = Callable[..., Path]

ROOT = Path(__file__).parents[1]
TREE = "{{cookiecutter.project_slug}}"
ENGINES = ("cookiecutter", "copier")
JINJA = re.compile(r"\{\{|\{%|\{#")


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Map each file's path to its mode and bytes."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it says."""
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def run_cookiecutter(
    template: Path | str, cwd: Path, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run Cookiecutter as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(template), *arguments],
        cwd=cwd,
        input=typed,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def clean_copy(target: Path) -> Path:
    """Copy the files that git tracks or would track: no cache of this working tree leaks into a project."""
    shutil.rmtree(target, ignore_errors=True)
    for name in git(ROOT, "ls-files", "-coz", "--exclude-standard").split("\0"):
        source, copy = ROOT / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    return target


def keep_what_answers_change(template: Path, also: tuple[str, ...] = ()) -> Path:
    """Delete the files of a template's tree that are the same in every project, but for those in some folders."""
    for path in [path for path in (template / TREE).rglob("*") if path.is_file()]:
        is_kept = path.relative_to(template / TREE).parts[0] in also
        if not is_kept and not JINJA.search(path.read_bytes().decode("utf-8", errors="replace")):
            path.unlink()
    return template


def do_without(reason: str, switch: str) -> NoReturn:
    """Skip a test for want of something on this machine; where the environment variable `switch` is 1, fail it."""
    if os.environ.get(switch) == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def hear_ctrl_c() -> None:
    """Have a program, about to be started, hear Ctrl-C: a suite that runs in a shell's background does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
