"""The wheel in the tree is what kit/ builds, both installers take it, and every file names the same release."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import ROOT, TREE

sys.path.append(str(ROOT / "kit"))
import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VENDOR = ROOT / TREE / "vendor"


@pytest.fixture(scope="module")
def wheel() -> Path:
    [wheel] = VENDOR.glob("*.whl")
    return wheel


def test_the_wheel_in_the_tree_is_what_the_kit_builds() -> None:
    wanted = build_wheel.wanted_files()
    assert {path.name for path in VENDOR.iterdir()} == wanted.keys(), "run: make wheel"
    for name, content in wanted.items():
        assert (VENDOR / name).read_bytes() == content, f"{name} is not current; run: make wheel"


def test_building_again_gives_the_same_bytes() -> None:
    assert build_wheel.build() == build_wheel.build()


@pytest.mark.parametrize("installer", [["pip"], ["uv", "pip"]], ids=" ".join)
def test_the_wheel_is_installed_without_an_index(installer: list[str], wheel: Path, tmp_path: Path) -> None:
    options = ["--no-deps", "--no-index", "--target", str(tmp_path / "installed"), str(wheel)]
    subprocess.run([sys.executable, "-m", *installer, "install", *options], check=True, capture_output=True)
    command = [sys.executable, "-c", "import mlops_kit; print(mlops_kit.__version__, mlops_kit.__file__)"]
    environment = {"PYTHONPATH": str(tmp_path / "installed")}
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    assert shown[0] in wheel.name
    assert str(tmp_path) in shown[1]
    assert (tmp_path / "installed" / "mlops_kit" / "py.typed").is_file()


def test_every_file_names_the_same_release(wheel: Path) -> None:
    def version(path: str, *keys: str) -> str:
        found = tomllib.loads((ROOT / path).read_text("utf-8"))
        for key in keys:
            found = found[key]
        return str(found)

    release = version("pyproject.toml", "project", "version")
    assert version("kit/pyproject.toml", "project", "version") == release
    assert version(f"{TREE}/pyproject.toml", "tool", "mlops", "kit") == release
    assert build_wheel.build()[0] == wheel.name == f"sagemaker_mlops_kit-{release}-py3-none-any.whl"
    for name in ("requirements.in", "requirements.txt"):
        lines = (ROOT / TREE / name).read_text("utf-8").splitlines()
        assert [line for line in lines if line.startswith("./vendor/")] == [f"./vendor/{wheel.name}"], name
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == release


def test_neither_engine_renders_the_wheel() -> None:
    asked = yaml.safe_load((ROOT / "cookiecutter.json").read_text("utf-8"))
    assert "vendor/*" in asked["_copy_without_render"]
