"""A local cloud without Terraform runs the very packages that a deployment uploads."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_kit.local_cloud.account import put_functions, registered_function
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.functions.packaging import PackagingError, read_packages

FOLDERS = ("config", "lambdas", "infra")


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    """A project that the test may change."""
    for name in FOLDERS:
        shutil.copytree(project / name, tmp_path / name)
    return tmp_path


def packages_for_terraform(root: Path) -> dict[str, bytes]:
    """What `make package` writes."""
    subprocess.run([sys.executable, root / "infra" / "package_lambdas.py"], check=True, capture_output=True)
    return {path.stem: path.read_bytes() for path in (root / "infra" / "build").glob("*.zip")}


def registered(cloud: LocalCloud, folder: str) -> bytes:
    """The code of the function of a folder, as it is registered in a cloud."""
    function = registered_function(cloud.environment, cloud.environment.function_arn(folder.replace("_", "-")))
    assert function, folder
    return function.code


def test_the_local_functions_are_byte_for_byte_those_that_terraform_deploys(root: Path) -> None:
    (root / "lambdas" / "notify" / "words.json").write_text("{}", encoding="utf-8")
    deployed = packages_for_terraform(root)
    assert {"notify", "resolve_inputs"} <= deployed.keys()
    with LocalCloud(root) as cloud:
        assert len(cloud.client("lambda").list_functions()["Functions"]) == len(deployed)
        assert {folder: registered(cloud, folder) for folder in deployed} == deployed


def test_an_update_replaces_the_code_and_adds_new_functions(root: Path) -> None:
    with LocalCloud(root) as cloud:
        new = root / "lambdas" / "new_one"
        new.mkdir()
        for path in (new / "handler.py", root / "lambdas" / "notify" / "handler.py"):
            path.write_text("def handler(event, context):\n    return 1\n", encoding="utf-8")
        put_functions(cloud.environment, root)
        deployed = packages_for_terraform(root)
        assert "new_one" in deployed
        assert {folder: registered(cloud, folder) for folder in deployed} == deployed


def test_packaging_leaves_no_files_in_the_project(root: Path) -> None:
    before = sorted(root.rglob("*"))
    assert read_packages(root)
    assert sorted(root.rglob("*")) == before


def test_a_project_without_the_script_has_no_functions(root: Path) -> None:
    shutil.rmtree(root / "infra")
    assert read_packages(root) == {}
    with LocalCloud(root) as cloud:
        assert cloud.client("lambda").list_functions()["Functions"] == []


def test_what_the_script_refuses_is_an_error_with_its_reason(root: Path) -> None:
    (root / "lambdas" / "notify" / "handler.py").unlink()
    with pytest.raises(PackagingError, match=r"the Lambda functions cannot be packed: .*notify.*handler\.py"):
        read_packages(root)


def test_a_script_that_ends_without_a_reason_is_named(root: Path) -> None:
    script = root / "infra" / "package_lambdas.py"
    script.write_text("raise SystemExit(3)\n", encoding="utf-8")
    with pytest.raises(PackagingError, match=r"package_lambdas\.py ended with exit code 3"):
        read_packages(root)
