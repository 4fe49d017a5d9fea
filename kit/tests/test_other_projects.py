"""Scenarios of projects with other answers: ids, classes, batch transform."""

from __future__ import annotations

import pytest

from conftest import Example
from mlops_jobs.contract import load_contract
from mlops_jobs.prediction_files import read_predictions
from scenarios import failed, predicted, step, world_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("problem_type", ["regression", "binary", "multiclass"])
def test_batch_transform_and_the_processing_job_predict_the_same(example: Example, problem_type: str) -> None:
    answers = {"problem_type": problem_type, "id_column": "specimen", "header": problem_type != "binary"}
    tables = []
    for mode in ("processing", "transform"):
        project = example(batch_inference=mode, **answers)
        folder = project / "predictions"
        folder.mkdir()
        with world_of(project) as world:
            for name, content in predicted(world, world.infer("inference", "labels")).items():
                (folder / name).write_bytes(content)
        contract = load_contract(project / "config" / "dataset.yaml")
        tables.append(read_predictions(folder / "inference-data.csv", contract))
    assert len(tables[0]) == 500
    assert tables[0].equals(tables[1])


def test_an_id_with_two_labels_is_an_error_and_not_a_violation_and_labels_of_some_rows_are_enough(
    example: Example,
) -> None:
    with world_of(example(id_column="specimen")) as world:
        header, *labels = world.rows("ground-truth")
        world.put([header, *labels, labels[0]], "duplicated-labels")
        record = world.infer("inference", "duplicated-labels")
        assert failed(record) == ["ModelQuality"]
        assert labels[0][0] in step(record, "ModelQuality")["reason"]
        world.put([header, *labels[:50:-1]], "some-labels")
        assert "PASS" in step(world.infer("inference", "some-labels"), "ModelQuality")["note"]
