"""A function's package has the same bytes on every machine, so that Terraform uploads only what has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support import ROOT, TREE

LATER = 2_000_000_000  # seconds since 1970


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the files to package."""
    return check_out(tmp_path / "checkout")


def check_out(folder: Path) -> Path:
    for part in ("config", "infra", "lambdas"):
        shutil.copytree(ROOT / TREE / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "build"))
    return folder


def packages(checkout: Path) -> dict[str, bytes]:
    """Package the functions, and return each package."""
    subprocess.run([sys.executable, "infra/package_lambdas.py"], cwd=checkout, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in (checkout / "infra" / "build").glob("*.zip")}


def test_packaging_twice_gives_the_same_bytes(checkout: Path) -> None:
    assert packages(checkout) == packages(checkout)


def test_path_time_and_permissions_do_not_change_a_package(checkout: Path, tmp_path: Path) -> None:
    other = check_out(tmp_path / "elsewhere" / "other")
    for path in (other / "lambdas").rglob("*.py"):
        os.utime(path, (LATER, LATER))
        path.chmod(0o600)
    (other / "lambdas" / "notify" / "__pycache__").mkdir()
    (other / "lambdas" / "notify" / "__pycache__" / "handler.pyc").write_bytes(b"compiled")
    assert packages(other) == packages(checkout)


def test_each_function_has_a_package_with_its_handler_at_the_top_level(checkout: Path) -> None:
    made = packages(checkout)
    assert {name.removesuffix(".zip").replace("-", "_") for name in made} == {
        path.name for path in (checkout / "lambdas").iterdir()
    }
    for name in made:
        with zipfile.ZipFile(checkout / "infra" / "build" / name) as archive:
            assert "handler.py" in archive.namelist()


def test_a_change_of_code_changes_only_its_own_package(checkout: Path) -> None:
    before = packages(checkout)
    with (checkout / "lambdas" / "notify" / "handler.py").open("a") as file:
        file.write("\n# changed\n")
    after = packages(checkout)
    assert [name for name in before if after[name] != before[name]] == ["notify.zip"]


def test_the_package_of_a_deleted_function_is_removed(checkout: Path) -> None:
    packages(checkout)
    shutil.rmtree(checkout / "lambdas" / "notify")
    assert "notify.zip" not in packages(checkout)


@pytest.mark.parametrize("line", ["import mlops_jobs.errors", "from mlops_jobs import errors", "import mlops_jobs"])
def test_an_import_that_would_be_missing_in_aws_is_refused_with_the_remedy(checkout: Path, line: str) -> None:
    with (checkout / "lambdas" / "notify" / "links.py").open("a") as file:
        file.write(f"\n\ndef late():\n    {line}\n")
    assert refusal(checkout) == f"links.py: {line}: write from mlops_jobs.MODULE import NAME, so that MODULE is packed"


def test_texts_that_are_missing_are_refused_with_the_remedy(checkout: Path) -> None:
    path = checkout / "config" / "events.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  texts: []\n", ""), encoding="utf-8")
    assert refusal(checkout) == "config/events.yaml: notifications.texts is missing; for none write texts: []"


def refusal(checkout: Path) -> str:
    run = subprocess.run([sys.executable, "infra/package_lambdas.py"], cwd=checkout, capture_output=True, text=True)
    assert run.returncode == 1
    return run.stderr.splitlines()[-1].removeprefix("ValueError: ")


def test_a_module_that_a_function_imports_late_is_packed(checkout: Path) -> None:
    with (checkout / "lambdas" / "notify" / "links.py").open("a") as file:
        file.write("\n\ndef late():\n    from mlops_jobs.data_objects import path_below\n")
    packages(checkout)
    with zipfile.ZipFile(checkout / "infra" / "build" / "notify.zip") as archive:
        assert "mlops_jobs/data_objects.py" in archive.namelist()
