"""A compilation in another process gives what one in this process would give at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.definition import compile
from mlops_kit.definition.background import Compilation

PROJECT = """
[tool.mlops]
settings = "team_of_{name}:load"

[tool.mlops.pipelines.training]
build = "team_of_{name}:build"
"""
TEAM = """
import sys
from mlops_jobs.errors import UserError

class Pipeline:
    def __init__(self, text):
        self.text = text
    def definition(self):
        return '{"Steps": "' + self.text + '"}'

def load(root):
    text = (root / "config" / "settings.yaml").read_text()
    if text == "refused":
        raise UserError("config/settings.yaml: refused")
    return text

def build(settings):
    print("a line of the team")
    print("a warning of the team", file=sys.stderr)
    return Pipeline(settings)
"""
COMPILED = {"training": '{\n "Steps": "one"\n}\n'}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a pipeline that shows its settings; the name of its module is its own."""
    name = tmp_path.name.replace("-", "_")
    (tmp_path / "pyproject.toml").write_text(PROJECT.replace("{name}", name))
    (tmp_path / f"team_of_{name}.py").write_text(TEAM)
    (tmp_path / "config").mkdir()
    write_settings(tmp_path, "one")
    return tmp_path


def write_settings(root: Path, text: str) -> None:
    (root / "config" / "settings.yaml").write_text(text)


def never(root: Path) -> dict[str, str]:
    raise AssertionError("it was compiled in this process")


def test_another_process_compiles_and_what_it_printed_appears(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compile, "compile_all", never)
    with Compilation(root) as compilation:
        assert compilation.definitions() == COMPILED
    assert capsys.readouterr() == ("a line of the team\n", "a warning of the team\n")


def test_files_that_change_after_the_start_are_compiled_as_they_are_now(root: Path) -> None:
    write_settings(root, "before")
    with Compilation(root) as compilation:
        write_settings(root, "one")
        assert compilation.definitions() == COMPILED


def test_a_refused_configuration_is_refused_here_and_what_the_other_process_printed_is_dropped(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_settings(root, "refused")
    with Compilation(root) as compilation, pytest.raises(UserError, match=r"^config/settings.yaml: refused$"):
        compilation.definitions()
    assert capfd.readouterr() == ("", "")


def test_leaving_early_ends_the_process(root: Path) -> None:
    write_settings(root, "one")
    (root / f"team_of_{root.name.replace('-', '_')}.py").write_text("import time\ntime.sleep(600)\n")
    with Compilation(root) as compilation:
        process = compilation._process
        assert process.poll() is None
    assert process.returncode != 0
