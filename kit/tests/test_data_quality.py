"""Healthy data does not violate the data-quality check, whatever the target is like: it looks at the features only."""

from __future__ import annotations

import csv
from pathlib import Path

from conftest import Example
from mlops_jobs.contract import Contract, load_contract
from mlops_kit.data.sample import write_sample
from scenarios import step, world_of


def count_the_target(path: Path, contract: Contract) -> None:
    """Make the target of a file a whole number, as a count is."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index(contract.target)
    counted = [[*row[:place], str(round(float(row[place]))), *row[place + 1 :]] for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *counted])


def test_a_batch_like_the_training_data_has_no_violation_where_the_target_is_whole(example: Example) -> None:
    """The model answers fractions, and closer to the mean than what it predicts."""
    project = example()
    contract = load_contract(project / "config" / "dataset.yaml")
    write_sample(contract, project / "data")
    for name in ("training-data", "ground-truth"):
        count_the_target(project / "data" / f"{name}.csv", contract)
    with world_of(project) as world:
        record = world.infer("inference", "labels")
    assert record["status"] == "Succeeded", record["reason"]
    assert step(record, "DataQualityCheck")["note"] == "no violations"
    assert step(record, "ReportDataQuality")["result"]["OutputParameters"]["DataQuality"] == "PASS"
    assert step(record, "ModelQuality")["status"] == "Succeeded"
