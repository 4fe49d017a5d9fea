"""What the packages import: nothing of a team, little in the containers, and little before a command needs it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlops_jobs
import mlops_kit
from example import TREE

SOURCE = Path(mlops_kit.__file__).parents[1]
MODULES = sorted([*SOURCE.glob("mlops_kit/**/*.py"), *SOURCE.glob("mlops_jobs/**/*.py")])

# Modules of a project. There, jobs/ and lambdas/notify/ are on the path, so their files have plain names.
TEAM = {"jobs", "pipelines", "lambdas", "tests"} | {
    path.stem for folder in ("jobs", "pipelines", "lambdas") for path in (TREE / folder).rglob("*.py")
} - {"__init__", "__main__"}

# What the SageMaker XGBoost image holds of the packages that scripts use.
IN_THE_IMAGE = {"matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "xgboost", "yaml"}

SLOW = {"boto3", "botocore", "moto", "numpy", "pandas", "pyarrow", "rich", "sagemaker", "yaml"}

# Scripts that the local cloud starts by their path, in a process without the kit.
SCRIPTS = {
    "mlops_kit.runner.processes.warm_server": "imports child.py of its own folder, which is on the path of its process",
}


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """The dotted names that the import statements of a file name, wherever in the file they are."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def test_there_are_modules_to_look_at_in_both_packages_and_in_the_tree() -> None:
    assert {"mlops_kit.cli.main", "mlops_kit.project", "mlops_jobs.errors"} <= {name_of(path) for path in MODULES}
    assert {"model", "metrics", "preprocess", "train", "settings", "parts", "handler"} <= TEAM


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_of_the_packages_imports_a_module_of_a_team(path: Path) -> None:
    assert roots(path) & TEAM == set()


@pytest.mark.parametrize("path", sorted(SOURCE.glob("mlops_jobs/**/*.py")), ids=name_of)
def test_what_runs_in_a_container_imports_only_what_its_image_holds(path: Path) -> None:
    assert roots(path) - sys.stdlib_module_names - IN_THE_IMAGE - {mlops_jobs.__name__} == set()


def test_importing_a_module_changes_neither_the_path_nor_the_environment_nor_the_working_directory() -> None:
    program = """
import importlib, json, os, sys

os.environ["AWS_DEFAULT_REGION"] = "us-east-1"  # the SageMaker SDK makes a client while it is imported
changed = []
for name in json.loads(sys.argv[1]):
    before = list(sys.path), dict(os.environ), os.getcwd()
    importlib.import_module(name)
    if (list(sys.path), dict(os.environ), os.getcwd()) != before:
        changed.append(name)
print(json.dumps(changed))
"""
    names = [name_of(path) for path in MODULES if name_of(path) not in SCRIPTS]
    command = [sys.executable, "-c", program, json.dumps(names)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_that_is_excepted_exists_and_is_imported_nowhere(name: str) -> None:
    assert name in {name_of(path) for path in MODULES}
    assert [name_of(path) for path in MODULES if name in imported(path)] == []


def test_the_help_is_there_before_anything_slow_is_imported(project: Path) -> None:
    program = """
import json, sys
from mlops_kit.cli.main import main

try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""
    for arguments in (["--help"], ["start", "--help"], ["local", "run", "--help"], ["--version"]):
        command = [sys.executable, "-c", program, *arguments]
        finished = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr
        assert set(json.loads(finished.stdout.splitlines()[-1])) & SLOW == set(), arguments
