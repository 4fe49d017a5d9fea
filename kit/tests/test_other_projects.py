"""Scenarios of projects with other answers: ids, classes, batch transform."""

from __future__ import annotations

import pytest

from example import Example
from mlops_jobs.contract import load_contract
from mlops_jobs.prediction_files import read_predictions
from scenarios import deployed, failed, predicted

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("problem_type", ["regression", "binary", "multiclass"])
def test_batch_transform_and_the_processing_job_predict_the_same(example: Example, problem_type: str) -> None:
    answers = {"problem_type": problem_type, "id_column": "specimen", "header": problem_type != "binary"}
    tables = []
    for mode in ("processing", "transform"):
        project = example(batch_inference=mode, **answers)
        folder = project / "predictions"
        folder.mkdir()
        with deployed(project) as opened:
            for name, content in predicted(opened, opened.infer("inference", "labels")).items():
                (folder / name).write_bytes(content)
        contract = load_contract(project / "config" / "dataset.yaml")
        tables.append(read_predictions(folder / "inference-data.csv", contract))
    assert len(tables[0]) == 500
    assert tables[0].equals(tables[1])


def test_a_duplicate_label_is_an_error_and_not_a_violation_and_labels_of_some_rows_are_enough(
    example: Example,
) -> None:
    with deployed(example(id_column="specimen")) as opened:
        header, *labels = opened.rows("ground-truth")
        opened.put([header, *labels, labels[0]], "duplicated-labels")
        record = opened.infer("inference", "duplicated-labels")
        assert failed(record) == ["ModelQuality"]
        assert labels[0][0] in record.step("ModelQuality").reason
        opened.put([header, *labels[:50:-1]], "some-labels")
        assert "PASS" in opened.infer("inference", "some-labels").step("ModelQuality").note
