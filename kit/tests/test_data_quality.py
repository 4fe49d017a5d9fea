"""Data without drift passes the data quality check whatever the target: the check reads only the features."""

from __future__ import annotations

import csv
from pathlib import Path

from example import Example
from mlops_jobs.contract import Contract, load_contract
from mlops_kit.data.sample import write_sample
from mlops_kit.runner.steps.quality_check import NONE
from scenarios import deployed


def round_target(path: Path, contract: Contract) -> None:
    """Round the target of a file to an integer, like a count."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index(contract.target)
    rounded = [[*row[:place], str(round(float(row[place]))), *row[place + 1 :]] for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rounded])


def test_a_batch_like_the_training_data_has_no_violation_with_an_integer_target(example: Example) -> None:
    """The model predicts fractions, which are closer to the mean than the target."""
    project = example()
    contract = load_contract(project / "config" / "dataset.yaml")
    write_sample(contract, project / "data")
    for name in ("training-data", "ground-truth"):
        round_target(project / "data" / f"{name}.csv", contract)
    with deployed(project) as opened:
        record = opened.infer("inference", "labels")
    assert record.status == "Succeeded", record.reason
    assert record.step("DataQualityCheck").note == NONE
    assert record.step("ReportDataQuality").outputs["DataQuality"] == "PASS"
    assert record.step("ModelQuality").status == "Succeeded"
