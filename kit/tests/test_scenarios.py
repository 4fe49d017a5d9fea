"""Scenarios of a model in production; each runs the deployed definitions."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios import DeployedProject, deployed, failed, output_of, predicted

pytestmark = pytest.mark.xdist_group("scenarios")  # they share one deployed project
VIOLATION = "ModelQualityViolation"


@pytest.fixture(scope="module")
def trained(project: Path) -> Iterator[DeployedProject]:
    """The default project with version 1 trained and approved; scenarios use prefixes of their own."""
    with deployed(project) as opened:
        yield opened


def test_a_model_that_misses_the_threshold_is_not_registered_and_the_failure_names_both_values(
    trained: DeployedProject,
) -> None:
    before = trained.versions()
    record = trained.cloud.run("training", {"MetricThreshold": 0.001})
    assert record.status == "Failed"
    assert failed(record) == ["MetricNotMet"]
    reason = record.step("MetricNotMet").reason
    assert "rmse" in reason
    assert "0.001" in reason
    assert record.step("RegisterModel").status == "Skipped"
    assert trained.versions() == before


def test_a_model_no_better_than_a_constant_is_not_registered_whatever_the_threshold(trained: DeployedProject) -> None:
    header, *rows = trained.rows("training-data")
    same = rows[0][:-1]  # no feature differs, so the model is a constant
    trained.put([header, *([*same, row[-1]] for row in rows[:300])], "constant-training")
    before = trained.versions()
    loose = {"InputDataUri": f"{trained.data}/constant-training/", "MetricThreshold": 1e6, "ChampionTolerance": 1e6}
    record = trained.cloud.run("training", loose)
    assert failed(record) == ["MetricNotMet"]
    assert re.search(
        r"and below [0-9.]+, which the best constant prediction reaches", record.step("MetricNotMet").reason
    )
    assert trained.versions() == before


def test_a_candidate_worse_than_the_champion_is_refused_unless_within_the_tolerance(trained: DeployedProject) -> None:
    trained.put(trained.rows("training-data")[:61], "few-training")  # too few to reach the champion
    loose = {"InputDataUri": f"{trained.data}/few-training/", "MetricThreshold": 1000.0}
    before = trained.versions()
    refused = trained.cloud.run("training", loose | {"ChampionTolerance": 0.0})
    evaluation = json.loads(
        (output_of(trained, refused, "Evaluate", "evaluation") / "evaluation.json").read_text("utf-8")
    )
    assert evaluation["champion"]["compared"]
    shortfall = evaluation["champion"]["shortfall"]
    assert shortfall > 0
    assert failed(refused) == ["MetricNotMet"]
    assert trained.versions() == before
    assert trained.cloud.run("training", loose | {"ChampionTolerance": shortfall}).status == "Succeeded"
    assert trained.versions() == before + 1


def test_without_labels_there_is_no_verdict_and_once_they_arrive_only_the_checks_run(trained: DeployedProject) -> None:
    trained.put(trained.rows("inference-data"), "late")
    first = trained.infer("late", "late-labels")
    assert first.status == "Succeeded"
    assert first.step("ModelQuality").status == "Skipped"
    trained.put(trained.rows("ground-truth"), "late-labels")
    second = trained.infer("late", "late-labels")
    assert second.status == "Succeeded"
    assert second.step("BatchInference").cache_hit
    assert "PASS" in second.step("ModelQuality").note


def test_too_few_labels_are_an_error_and_not_a_violation(trained: DeployedProject) -> None:
    trained.put(trained.rows("ground-truth")[:-7], "short-labels")
    record = trained.infer("inference", "short-labels")
    assert record.status == "Failed"
    assert failed(record) == ["ModelQuality"]
    assert "493 labels" in record.step("ModelQuality").reason
    assert record.step(VIOLATION).status != "Failed"


def test_a_corrupt_batch_is_an_error_that_names_the_row_and_nothing_is_checked(trained: DeployedProject) -> None:
    rows = trained.rows("inference-data")
    rows[41][3] = "broken"
    trained.put(rows, "corrupt")
    record = trained.infer("corrupt", "labels")
    assert failed(record) == ["Preprocess"]
    assert "row 41" in record.step("Preprocess").reason
    assert {record.step(name).status for name in ("ModelQuality", VIOLATION)} <= {"Stopped", "Skipped"}


def test_training_rows_that_violate_the_contract_register_nothing(trained: DeployedProject) -> None:
    before = trained.versions()
    trained.put("this,is\nno,data\n", "garbage")
    record = trained.cloud.run("training", {"InputDataUri": f"{trained.data}/garbage/"})
    assert failed(record) == ["Preprocess"]
    assert trained.versions() == before


def test_missing_data_is_an_error_that_names_the_empty_prefix(trained: DeployedProject) -> None:
    record = trained.infer("nowhere")
    assert failed(record) == ["ResolveInputs"]
    assert f"{trained.data}/nowhere" in record.step("ResolveInputs").reason


def test_a_drifted_batch_is_reported_and_its_labels_are_checked_all_the_same(trained: DeployedProject) -> None:
    rows = trained.rows("inference-data")
    numeric = rows[0].index("length")
    drifted = [[*row[:numeric], f"{float(row[numeric] or 0) + 5:.4f}", *row[numeric + 1 :]] for row in rows[1:]]
    trained.put([rows[0], *drifted], "drifted")
    trained.put(trained.rows("ground-truth"), "drifted-labels")
    received = trained.subscribe("Data Quality Violation")
    record = trained.infer("drifted", "drifted-labels", MetricThreshold=1000.0)
    assert record.status == "Succeeded"
    assert record.step("ReportDataQuality").outputs["DataQuality"] == "VIOLATION"
    assert "PASS" in record.step("ModelQuality").note
    [event] = received()
    assert event["detail-type"] == "Data Quality Violation"
    assert event["detail"]


def test_a_violation_fails_at_its_own_step_with_metric_and_threshold(trained: DeployedProject) -> None:
    labels = trained.rows("ground-truth")
    trained.put([labels[0], *[[f"{float(row[0]) + 500}"] for row in labels[1:]]], "bad-labels")
    record = trained.infer("inference", "bad-labels")
    assert record.status == "Failed"
    assert failed(record) == [VIOLATION]
    reason = record.step(VIOLATION).reason
    assert "rmse" in reason
    assert "2.5" in reason


def test_several_instances_share_the_files_and_predict_the_same(trained: DeployedProject) -> None:
    rows = trained.rows("inference-data")
    path = trained.cloud.root / ".local" / "part.csv"
    for index in range(3):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([rows[0], *rows[1 + 100 * index : 101 + 100 * index]])
        for count in (1, 2, 5):  # one copy each: the cache key depends on the data, not on the instances
            trained.cloud.upload(path, f"{trained.data}/parts{count}/part{index}.csv")
    records = [trained.infer(f"parts{count}", InstanceCount=count) for count in (1, 2, 5)]
    assert not any(record.step("BatchInference").cache_hit for record in records)
    predictions = [predicted(trained, record) for record in records]
    assert sorted(predictions[0]) == [f"part{index}.csv" for index in range(3)]
    assert predictions[0] == predictions[1] == predictions[2]
