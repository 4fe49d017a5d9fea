"""Each change that a page of a project's docs/ shows can be made as shown, and the project works with it."""

from __future__ import annotations

import pytest

from page_changes import apply_page, changed_lines
from project_commands import make, rehearse, run_what_answers_change
from support import Bake

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "answers",
    [{}, {"problem_type": "binary", "batch_inference": "transform", "metric": "f1", "metric_threshold": 0.5}],
    ids=["the default", "binary-transform"],
)
def test_scikit_learn_replaces_xgboost(bake: Bake, answers: dict[str, object]) -> None:
    project = bake("copier", **answers)
    assert changed_lines(project, "model.md") < 60
    apply_page(project, "model.md")
    make(project, "lint")
    make(project, "check")
    run_what_answers_change(project)
    rehearse(project)
