"""docs/options.md matches copier.yml."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def check(template: Path) -> subprocess.CompletedProcess[str]:
    """Run the check as the pre-commit hook does."""
    script = template / "docs" / "make_options.py"
    return subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)


def test_the_options_page_is_up_to_date(template: Path) -> None:
    assert check(template).returncode == 0


def test_an_outdated_page_is_reported(template: Path, tmp_path: Path) -> None:
    changed = tmp_path / "template"
    shutil.copytree(template, changed)
    page = changed / "docs" / "options.md"
    page.write_text(page.read_text("utf-8").replace("## metric\n", "## measure\n"), encoding="utf-8")
    run = check(changed)
    assert run.returncode == 1
    assert run.stderr == "docs/options.md does not match copier.yml: run python docs/make_options.py\n"
