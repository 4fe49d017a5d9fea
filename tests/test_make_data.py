"""`make data` hands what was typed to `mlops data` as it was typed, whatever make and a shell would read in it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "Makefile"
ECHO = '#!/bin/sh\nfor argument; do echo "$argument"; done\n'
ODD = ["price in $", "$price", "$(shell touch made)", "$(touch made)", "`touch made`", 'owner\'s "size"', "a; b", "-x"]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and a command `mlops` that prints its arguments, one a line."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("requirements.txt", ".venv/requirements.txt", ".venv/bin/mlops"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ECHO if name.endswith("mlops") else "", encoding="utf-8")
    (tmp_path / ".venv" / "bin" / "mlops").chmod(0o755)
    return tmp_path


def make(project: Path, *given: str, **environment: str) -> list[str]:
    run = subprocess.run(
        ["make", "--no-print-directory", "data", *given],
        cwd=project,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize("text", ODD)
def test_what_is_typed_reaches_the_command_unchanged(project: Path, text: str) -> None:
    assert make(project, f"CSV={text}", f"TARGET={text}", f"ID={text}") == [
        "data",
        f"--target={text}",
        f"--id={text}",
        "--",
        text,
    ]
    assert make(project, CSV=text, TARGET=text) == ["data", f"--target={text}", "--", text]
    assert not (project / "made").exists()


def test_what_is_said_about_the_form_reaches_the_command(project: Path) -> None:
    marks = ["DELIMITER=;", "DECIMAL=,", "THOUSANDS=", "ID="]
    given = ["CSV=rows.csv", *marks, "HEADER=no", "DISTINCT_CLASSES=yes", "ACCEPT=yes"]
    flags = ["--id=", "--delimiter=;", "--decimal=,", "--thousands=", "--no-header", "--distinct-classes", "--accept"]
    assert make(project, *given) == ["data", *flags, "--", "rows.csv"]
    assert make(project, "CSV=rows.csv", "HEADER=yes") == ["data", "--header", "--", "rows.csv"]


def test_a_file_has_to_be_named(project: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        make(project)
    assert "Name your file: make data CSV=path/to/file.csv" in refused.value.stdout
