"""Each change that a page of a project's docs/ shows can be made as shown, and the project works with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from page_changes import apply_page, changed_lines
from project_commands import make, rehearse, run_tests, run_what_answers_change
from support import Bake

pytestmark = pytest.mark.slow


def test_scikit_learn_replaces_xgboost(bake: Bake) -> None:
    project = bake("copier")
    assert changed_lines(project, "model.md") < 60
    apply_page(project, "model.md")
    make(project, "lint")
    make(project, "check")
    run_what_answers_change(project)
    run_tests(project, "tests/test_train.py")  # class weights and monotone features, with a contract of each problem
    rehearse(project)


def test_scikit_learn_replaces_xgboost_in_a_batch_transform(bake: Bake) -> None:
    project = bake("copier", problem_type="binary", batch_inference="transform")
    apply_page(project, "model.md")
    make(project, "check")
    run_what_answers_change(project, "tests/test_train.py", "tests/test_evaluate.py", "tests/test_inference.py")
    rehearse(project)


def test_a_project_with_its_own_metric_gates_and_decision_threshold(bake: Bake) -> None:
    project = bake("copier", problem_type="binary")
    apply_page(project, "metrics.md")
    run_what_answers_change(project)
    make(project, "lint")
    make(project, "check")
    evaluation = rehearse(project)
    assert evaluation["metric"] == "business_cost"
    assert evaluation["gates"]["missed"] == 0
    assert len(evaluation["gates"]["judged"]) == 3
    assert 0 < evaluation["decision"]["threshold"] < 0.5, "a miss costs more than a false alarm"
    contract = project / "config" / "dataset.yaml"
    reached, out_of_reach = "recall_at_precision, threshold: 0.6", "recall_at_precision, threshold: 1.5"
    contract.write_text(contract.read_text("utf-8").replace(reached, out_of_reach), "utf-8")
    assert "It misses a gate: recall_at_precision is 1 and must be at least 1.5." in make(project, "local", "INFRA=no")


def mlops(project: Path, *arguments: str) -> str:
    """Run a command of a project's kit."""
    command = [sys.executable, "-m", "mlops_kit", *arguments]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def output(project: Path, kind: str, step: str, file: str) -> str:
    """What a step wrote in the rehearsal's or the only execution of a pipeline."""
    paths = sorted(project.glob(f".local/executions/*-{kind}/*/{step}/**/{file}"))
    assert paths, f"{kind}: {step} wrote no {file}"
    return paths[0].read_text("utf-8")


def test_a_step_and_a_pipeline_of_one_s_own_are_listed_in_one_place_each(bake: Bake) -> None:
    project = bake("copier")
    apply_page(project, "steps.md")
    run_what_answers_change(project)
    assert "no faults in training, training-hpo, inference, data-profile" in make(project, "check")
    rehearse(project)
    for kind in ("training", "training-hpo"):
        assert output(project, kind, "LargestErrors", "largest_errors.csv").count("\n") == 1 + 20


def test_a_team_fills_in_its_model_card_and_has_its_predictions_explained(bake: Bake) -> None:
    project = bake("copier", problem_type="binary", batch_inference="transform")
    apply_page(project, "model-card.md")
    run_what_answers_change(project)
    make(project, "check")
    evaluation = rehearse(project)
    assert evaluation["explanations"]["mean_absolute"]
    assert {"Rank items for a manual valuation.", "Low"} <= set(words_of_cards(project))
    (batch, *_) = project.glob(".local/executions/*-inference/*/BatchInference/**/*.csv.out")
    row = json.loads(batch.read_text("utf-8").splitlines()[0])
    assert {f"{kind}_{rank}" for kind in ("explanation", "contribution") for rank in (1, 2, 3)} <= row.keys()


def words_of_cards(project: Path) -> list[str]:
    """The texts about the intended uses in the cards of the versions that a rehearsal registered."""
    records = (json.loads(path.read_text("utf-8")) for path in project.glob(".local/executions/*/*/execution.json"))
    results = [step["result"] for record in records for step in record["steps"] if step["type"] == "RegisterModel"]
    cards = [json.loads(result["ModelCard"]["ModelCardContent"]) for result in results if result]
    return [text for card in cards for text in card["intended_uses"].values()]


def test_an_own_training_image_tunes_what_sagemakers_does_not(bake: Bake) -> None:
    """docs/image.md: a setting, the image of an environment, and a categorical range."""
    project = bake("copier")
    apply_page(project, "image.md", "Train in your own image")
    run_what_answers_change(project)
    assert "no faults" in make(project, "check")
    rehearse(project)


def test_a_second_table_is_joined_to_the_rows_before_any_step_reads_them(bake: Bake) -> None:
    project = bake("copier", problem_type="binary", batch_inference="transform")
    apply_page(project, "joining.md")
    make(project, "lint")
    assert "no faults in training, training-hpo, inference" in make(project, "check")
    run_what_answers_change(project)
    rehearse(project)
    for kind in ("training", "training-hpo", "inference"):
        assert output(project, kind, "Join", "*.csv"), "rows that are joined already pass"
