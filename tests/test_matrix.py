"""Every kind of project is well-formed, and its code passes its own checks as it is born."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from combinations import PAIRWISE, TOGGLED
from support import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.slow

ANSWERS = [*PAIRWISE, *TOGGLED]
GENERATED_ONCE = shutil.ignore_patterns(".copier-answers.yml", "dataset.yaml", "pipelines.yaml")


@pytest.fixture(scope="module")
def projects(template: Path, small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make every project of the table; one engine is enough, the parity tests see to the other.

    Only the first is generated whole. Each other is a copy of it, over which goes what its own answers change.
    """
    root = tmp_path_factory.mktemp("matrix")
    folders = [root / f"{number:02d}" for number in range(len(ANSWERS))]
    copier.run_copy(str(template), folders[0], data=ANSWERS[0], defaults=True, quiet=True)
    for folder, answers in zip(folders[1:], ANSWERS[1:], strict=True):
        shutil.copytree(folders[0], folder, ignore=GENERATED_ONCE)
        copier.run_copy(str(small_template), folder, data=answers, defaults=True, overwrite=True, quiet=True)
    return folders


@pytest.fixture(scope="module")
def files(projects: list[Path]) -> list[Path]:
    """The files of the first project, and those of each other that differ from them."""
    first, *others = projects
    found = [path for path in first.rglob("*") if path.is_file()]
    for project in others:
        for path in project.rglob("*"):
            twin = first / path.relative_to(project)
            if path.is_file() and not (twin.is_file() and filecmp.cmp(path, twin, shallow=False)):
                found.append(path)
    return found


def run(*command: str, cwd: Path) -> None:
    """Run a Python tool over all projects at once, and show what it says if it finds something."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("ending", "parse"),
    [
        (".yml", lambda text: list(yaml.safe_load_all(text))),
        (".yaml", lambda text: list(yaml.safe_load_all(text))),
        (".toml", tomllib.loads),
        (".json", json.loads),
    ],
    ids=["yml", "yaml", "toml", "json"],
)
def test_every_data_file_parses(files: list[Path], ending: str, parse: Callable[[str], Any]) -> None:
    parsed = [parse(path.read_text("utf-8")) for path in files if path.suffix == ending]
    assert parsed


def test_the_code_passes_the_project_s_own_lint(projects: list[Path]) -> None:
    run("ruff", "check", "--no-cache", ".", cwd=projects[0].parent)


def test_formatting_a_new_project_changes_nothing(projects: list[Path]) -> None:
    run("ruff", "format", "--no-cache", "--check", ".", cwd=projects[0].parent)


def test_the_code_compiles(files: list[Path]) -> None:
    for path in files:
        if path.suffix == ".py":
            compile(path.read_bytes(), path, "exec")


def ask(folder: Path, code: str, *arguments: str) -> str:
    """Run code where a project's modules lie, and return what it prints."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_jobs_accept_the_contract_of_every_project(projects: list[Path]) -> None:
    contracts = [str(project / "config" / "dataset.yaml") for project in projects]
    code = "import sys; from mlops_jobs.contract import load_contract as f; print(*[f(p).metric for p in sys.argv[1:]])"
    assert len(ask(projects[0] / "jobs", code, *contracts).split()) == len(projects)


def test_the_questions_and_the_jobs_know_the_same_metrics(projects: list[Path]) -> None:
    rules = Environment(loader=FileSystemLoader(ROOT), comment_start_string="{##", comment_end_string="##}")
    asked = json.loads(rules.from_string("{% from 'rules.jinja' import metrics %}{{ metrics | tojson }}").render())
    code = "import json; from mlops_jobs import metric_names; print(json.dumps(metric_names.METRICS_FOR))"
    assert json.loads(ask(projects[0] / "jobs", code)) == asked


FAULTS = """
import json, pathlib, sys
from mlops_kit.checks.check import check
from mlops_kit.definition.compile import compile_all
for root in map(pathlib.Path, sys.argv[1:]):
    for kind, text in compile_all(root).items():
        print(*[f"{root.name} {kind}: {finding}" for finding in check(json.loads(text))], sep="\\n", end="")
"""


def test_the_pipelines_of_every_project_compile_and_have_no_fault(projects: list[Path]) -> None:
    assert ask(projects[0], FAULTS, *map(str, projects)) == ""


def test_the_configuration_says_what_was_answered(projects: list[Path]) -> None:
    for project in projects:
        recorded, pipelines, environment = (
            yaml.safe_load((project / name).read_text("utf-8"))
            for name in (".copier-answers.yml", "config/pipelines.yaml", "config/environments/dev.yaml")
        )
        assert pipelines["project"] == recorded["project_slug"]
        assert pipelines["batch_inference"] == recorded["batch_inference"]
        assert environment["region"] == recorded["aws_region"]
        assert environment["account_id"] == recorded["aws_account_id"]


def test_the_contract_says_what_was_answered(projects: list[Path]) -> None:
    for project, answers in zip(projects, ANSWERS, strict=True):
        recorded = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
        contract = yaml.safe_load((project / "config" / "dataset.yaml").read_text("utf-8"))
        assert answers.items() <= recorded.items()
        assert contract["dataset"] == recorded["dataset_name"]
        assert contract["problem_type"] == recorded["problem_type"]
        assert contract["csv"]["header"] is recorded["header"]
        assert contract["metric"] == recorded["metric"]
        assert contract["threshold"] == float(recorded["metric_threshold"])
        for role, question in [
            ("id", "id_column"),
            ("target", "target_column"),
            ("numeric", "numeric_columns"),
            ("categorical", "categorical_columns"),
        ]:
            columns = [column["name"] for column in contract["columns"] if column["role"] == role]
            assert columns == [name.strip() for name in recorded[question].split(",") if name.strip()]
