"""What a generated project's own commands do, in this suite's environment, which holds the project's pins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

VENV = Path(sys.prefix)

# Style, types and these tests depend on no answer: to run them in the default project is enough. The same holds for
# what a test does with one of the contracts that the tests define.
SAME_EVERYWHERE = (
    "guard_retraining",
    "metrics",
    "notify",
    "report_data_quality",
    "resolve_inputs",
    "start_pipeline",
    "start_up",
)
CONTRACTS_OF_THE_TESTS = "not prices and not churn and not sizes and not rides"


def make(project: Path, *arguments: str) -> str:
    """Run a make target of a project."""
    finished = subprocess.run(
        ["make", *arguments, f"VENV={VENV}"], cwd=project, capture_output=True, text=True, env=dict(os.environ)
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def run_what_answers_change(project: Path, *only: str) -> None:
    """Run those of a project's tests that its answers and its contract can make fail, or only some files of them."""
    chosen = only or [f"--ignore=tests/test_{name}.py" for name in SAME_EVERYWHERE]
    run_tests(project, "-k", CONTRACTS_OF_THE_TESTS, *chosen)


def run_tests(project: Path, *arguments: str) -> None:
    """Run some of a project's tests, chosen by arguments of pytest."""
    testing = [sys.executable, "-m", "pytest", "--no-cov", "-p", "no:cacheprovider", *arguments]
    finished = subprocess.run(testing, cwd=project, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def rehearse(project: Path) -> dict[str, Any]:
    """Run the rehearsal on the project's data, and return the first model's evaluation."""
    assert "All 8 steps passed" in make(project, "local", "INFRA=no")
    (evaluation,) = project.glob(".local/executions/*-training/*/Evaluate/**/evaluation.json")
    return dict(json.loads(evaluation.read_text("utf-8")))
