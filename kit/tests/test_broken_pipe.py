"""A reader that has seen enough, like head, ends a command quietly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def into_a_reader_that_is_gone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mlops` with a stdout that nobody reads."""
    command = [sys.executable, "-m", "mlops_kit", *arguments]
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        return subprocess.run(command, cwd=folder, stdout=reader.stdin, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["check"], ["compile", "--output"]])
def test_a_command_ends_without_a_traceback(project: Path, tmp_path: Path, arguments: list[str]) -> None:
    if arguments[-1] == "--output":
        arguments = [*arguments, str(tmp_path)]
    ended = into_a_reader_that_is_gone(project, *arguments)
    assert ended.stderr == ""
    assert ended.returncode == (0 if "--help" in arguments else 141)  # argparse itself takes the error


def test_an_error_is_still_reported(root: Path) -> None:
    (root / "config" / "events.yaml").write_text("retraining: {}\n", "utf-8")
    ended = into_a_reader_that_is_gone(root, "check")
    assert ended.stderr.startswith("error: config/events.yaml: retraining.cooldown_hours is missing")
