"""The generated Terraform files are formatted and valid, and pass their own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from terraform import Terraform, require_terraform, root_module

pytestmark = pytest.mark.terraform

ROOTS = ("live", "bootstrap")


@pytest.fixture(scope="module", params=ROOTS)
def root(request: pytest.FixtureRequest, projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each root module of the default project, with its tests."""
    require_terraform()
    found = root_module(projects["default"], tmp_path_factory.mktemp("files") / "project", request.param)
    Terraform(found).init()
    return found


def test_every_file_is_formatted(projects: dict[str, Path]) -> None:
    require_terraform()
    for project in projects.values():
        assert Terraform(project / "infra").run("fmt", "-check", "-recursive", "-diff").stdout == ""


def test_a_root_is_valid(root: Path) -> None:
    assert "Success" in Terraform(root).run("validate", "-no-color").stdout
