"""What may happen to a model in production, rehearsed: each scenario is a real execution of the deployed definitions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local.cloud import LocalCloud
from pipelines.registry import approve, model_packages

from local.sample import write_sample
from support import Bake

Record = dict[str, Any]
VIOLATION = "ModelQualityViolation"


class World:
    """A project with its local cloud, and what a scenario asks of it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.data = f"s3://{cloud.environment.bucket}/data"

    def put(self, rows: list[list[str]] | str, place: str) -> str:
        """Upload rows, or the text of a file, as the only file of a prefix under data/; its URI."""
        path = self.cloud.root / ".local" / "scenario.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            if isinstance(rows, str):
                file.write(rows)
            else:
                csv.writer(file, lineterminator="\n").writerows(rows)
        self.cloud.upload(path, f"{self.data}/{place}/rows.csv")
        return f"{self.data}/{place}"

    def rows(self, name: str) -> list[list[str]]:
        """The rows of one of the project's own files, header first."""
        with (self.cloud.root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def infer(self, inputs: str, labels: str = "none-yet", **parameters: Any) -> Record:
        """Run the inference pipeline on prefixes under data/."""
        uris = {"InputDataUri": f"{self.data}/{inputs}", "LabelsUri": f"{self.data}/{labels}"}
        return self.cloud.run("inference", uris | parameters)

    def versions(self) -> int:
        """How many model versions are registered."""
        return len(model_packages(self.cloud.environment))


def prepared(project: Path) -> World:
    """Deploy a project to a local cloud that is up, with its data where the pipelines look for it."""
    write_sample_once(project)
    cloud = LocalCloud(project)
    cloud.__enter__()
    world = World(cloud)
    for name, place in (("training-data", "training"), ("inference-data", "inference"), ("ground-truth", "labels")):
        cloud.upload(project / "data" / f"{name}.csv", f"{world.data}/{place}/{name}.csv")
    cloud.deploy()
    return world


def write_sample_once(project: Path) -> None:
    from contract import load_contract

    if not (project / "data" / "training-data.csv").exists():
        write_sample(load_contract(project / "config" / "dataset.yaml"), project / "data")


@pytest.fixture(scope="module")
def trained(project: Path) -> Iterator[World]:
    """The default project with version 1 trained and approved; scenarios use prefixes of their own."""
    world = prepared(project)
    try:
        assert world.cloud.run("training", {})["status"] == "Succeeded"
        approve(world.cloud.environment, version=1, comment="For the scenarios.")
        yield world
    finally:
        world.cloud.__exit__(None, None, None)


def step(record: Record, name: str) -> dict[str, Any]:
    """One step of an execution."""
    found: dict[str, Any] = next(step for step in record["steps"] if step["name"] == name)
    return found


def failed(record: Record) -> list[str]:
    """The steps that failed."""
    return [step["name"] for step in record["steps"] if step["status"] == "Failed"]


def file_of(world: World, record: Record, step_name: str, output: str) -> Path:
    """Where the files of a step's output lie on this machine."""
    found = next(file for file in step(record, step_name)["files"] if file["name"] == output)
    return Path(world.cloud.work / found["path"])


def test_a_model_that_misses_the_threshold_is_not_registered_and_the_failure_says_what_to_do(trained: World) -> None:
    before = trained.versions()
    record = trained.cloud.run("training", {"MetricThreshold": 0.001})
    assert record["status"] == "Failed"
    assert failed(record) == ["MetricNotMet"]
    reason = step(record, "MetricNotMet")["reason"]
    assert "rmse" in reason
    assert "0.001" in reason
    assert step(record, "RegisterModel")["status"] == "Skipped"
    assert trained.versions() == before


def test_a_candidate_worse_than_the_champion_is_refused_unless_the_tolerance_allows_it(trained: World) -> None:
    rows = trained.rows("training-data")
    world = [[*row[:-1], f"{(index * 37) % 11}"] for index, row in enumerate(rows[1:])]
    trained.put([rows[0], *rows[1:1201], *world[1200:]], "noisy-training")
    loose = {"InputDataUri": f"{trained.data}/noisy-training", "MetricThreshold": 1000.0}
    before = trained.versions()
    refused = trained.cloud.run("training", loose | {"ChampionTolerance": 0.0})
    evaluation = json.loads(
        (file_of(trained, refused, "Evaluate", "evaluation") / "evaluation.json").read_text("utf-8")
    )
    assert evaluation["champion"]["compared"]
    if evaluation["champion"]["shortfall"] > 0:
        assert failed(refused) == ["MetricNotMet"]
        assert trained.versions() == before
        shortfall = evaluation["champion"]["shortfall"]
        assert trained.cloud.run("training", loose | {"ChampionTolerance": shortfall})["status"] == "Succeeded"
    assert trained.versions() == before + 1


def test_labels_that_are_still_to_come_are_no_verdict_and_when_they_come_only_the_checks_run(trained: World) -> None:
    trained.put(trained.rows("inference-data"), "late")
    first = trained.infer("late", "late-labels")
    assert first["status"] == "Succeeded"
    assert step(first, "ModelQuality")["status"] == "Skipped"
    trained.put(trained.rows("ground-truth"), "late-labels")
    second = trained.infer("late", "late-labels")
    assert second["status"] == "Succeeded"
    assert step(second, "BatchInference")["cache_hit"]
    assert "PASS" in step(second, "ModelQuality")["note"]


def test_too_few_labels_are_an_error_and_not_a_violation(trained: World) -> None:
    trained.put(trained.rows("ground-truth")[:-7], "short-labels")
    record = trained.infer("inference", "short-labels")
    assert record["status"] == "Failed"
    assert failed(record) == ["ModelQuality"]
    assert "493 labels" in step(record, "ModelQuality")["reason"]
    assert step(record, VIOLATION)["status"] != "Failed"


def test_a_corrupt_batch_is_an_error_with_its_place_and_nothing_is_judged(trained: World) -> None:
    rows = trained.rows("inference-data")
    rows[41][3] = "broken"
    trained.put(rows, "corrupt")
    record = trained.infer("corrupt", "labels")
    assert failed(record) == ["Preprocess"]
    assert "row 41" in step(record, "Preprocess")["reason"]
    assert {step(record, name)["status"] for name in ("ModelQuality", VIOLATION)} <= {"Stopped", "Skipped"}


def test_training_rows_that_break_the_contract_register_nothing(trained: World) -> None:
    before = trained.versions()
    trained.put("this,is\nno,data\n", "garbage")
    record = trained.cloud.run("training", {"InputDataUri": f"{trained.data}/garbage"})
    assert failed(record) == ["Preprocess"]
    assert trained.versions() == before


def test_no_data_at_all_fails_with_the_address_that_is_empty(trained: World) -> None:
    record = trained.infer("nowhere")
    assert failed(record) == ["ResolveInputs"]
    assert f"{trained.data}/nowhere" in step(record, "ResolveInputs")["reason"]


def test_a_drifted_batch_is_reported_and_its_labels_are_judged_all_the_same(trained: World) -> None:
    rows = trained.rows("inference-data")
    numeric = rows[0].index("length")
    drifted = [[*row[:numeric], f"{float(row[numeric] or 0) + 5:.4f}", *row[numeric + 1 :]] for row in rows[1:]]
    trained.put([rows[0], *drifted], "drifted")
    trained.put(trained.rows("ground-truth"), "drifted-labels")
    record = trained.infer("drifted", "drifted-labels", MetricThreshold=1000.0)
    assert record["status"] == "Succeeded"
    assert step(record, "ReportDataQuality")["result"]["OutputParameters"]["DataQuality"] == "VIOLATION"
    assert "PASS" in step(record, "ModelQuality")["note"]
    events = (trained.cloud.work / "events.jsonl").read_text("utf-8")
    assert step(record, "ReportDataQuality")["status"] == "Succeeded"
    assert "SageMaker Model Building Pipeline Execution Step Status Change" in events


def test_a_violation_fails_at_its_own_step_with_metric_and_threshold(trained: World) -> None:
    labels = trained.rows("ground-truth")
    trained.put([labels[0], *[[f"{float(row[0]) + 500}"] for row in labels[1:]]], "bad-labels")
    record = trained.infer("inference", "bad-labels")
    assert record["status"] == "Failed"
    assert failed(record) == [VIOLATION]
    reason = step(record, VIOLATION)["reason"]
    assert "rmse" in reason
    assert "2.5" in reason


def test_several_instances_share_the_files_and_predict_the_same(trained: World) -> None:
    rows = trained.rows("inference-data")
    path = trained.cloud.root / ".local" / "part.csv"
    for index in range(3):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([rows[0], *rows[1 + 100 * index : 101 + 100 * index]])
        trained.cloud.upload(path, f"{trained.data}/parts/part{index}.csv")
    alone, together, too_many = (trained.infer("parts", InstanceCount=count) for count in (1, 2, 5))
    predictions = [predicted(trained, record) for record in (alone, together, too_many)]
    assert sorted(predictions[0]) == [f"part{index}.csv" for index in range(3)]
    assert predictions[0] == predictions[1] == predictions[2]


def predicted(world: World, record: Record) -> dict[str, bytes]:
    """The files of predictions of an execution, read from the local S3."""
    assert record["status"] == "Succeeded", record["reason"]
    found = next(file for file in step(record, "BatchInference")["files"] if file["name"] == "predictions")
    bucket, _, prefix = found["s3_uri"].removeprefix("s3://").partition("/")
    s3 = world.cloud.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    keys = [item["Key"] for item in listed]
    return {key.rpartition("/")[2]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.mark.parametrize("problem_type", ["regression", "binary", "multiclass"])
def test_batch_transform_and_the_processing_job_predict_the_same(bake: Bake, problem_type: str) -> None:
    from contract import load_contract
    from prediction_files import read_predictions

    answers = {"problem_type": problem_type, "id_column": "specimen", "header": problem_type != "binary"}
    tables = []
    for mode in ("processing", "transform"):
        project = bake("copier", batch_inference=mode, **answers)
        world = prepared(project)
        try:
            assert world.cloud.run("training", {})["status"] == "Succeeded"
            approve(world.cloud.environment, version=1, comment="For the comparison.")
            record = world.infer("inference", "labels")
            folder = project / ".local" / f"predictions-{mode}"
            folder.mkdir()
            for name, content in predicted(world, record).items():
                (folder / name).write_bytes(content)
        finally:
            world.cloud.__exit__(None, None, None)
        contract = load_contract(project / "config" / "dataset.yaml")
        tables.append(read_predictions(folder / "inference-data.csv", contract))
    assert len(tables[0]) == 500
    assert tables[0].equals(tables[1])


def test_an_id_with_two_labels_is_an_error_and_not_a_violation(bake: Bake) -> None:
    world = prepared(bake("copier", id_column="specimen"))
    try:
        assert world.cloud.run("training", {})["status"] == "Succeeded"
        approve(world.cloud.environment, version=1, comment="For the scenario.")
        labels = world.rows("ground-truth")
        world.put([*labels, labels[1]], "duplicated-labels")
        record = world.infer("inference", "duplicated-labels")
        assert failed(record) == ["ModelQuality"]
        assert labels[1][0] in step(record, "ModelQuality")["reason"]
        world.put([labels[0], *labels[:0:-1][:50]], "some-labels")
        assert "PASS" in step(world.infer("inference", "some-labels"), "ModelQuality")["note"]
    finally:
        world.cloud.__exit__(None, None, None)
