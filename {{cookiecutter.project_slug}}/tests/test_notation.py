"""Files that write numbers with decimal commas and marks between thousands give the results of plain ones."""

import csv
from dataclasses import replace

import pytest
from support import (
    Project,
    apply_arguments,
    evaluate_arguments,
    files_in,
    fit_arguments,
    predict_arguments,
    quality_arguments,
    train_arguments,
    verdict_arguments,
)

import evaluate
import model_quality
import predict
import preprocess
import quality_input
import train


def rewritten(path, target, contract):
    """Write the rows of a plain file again, in the notation of a contract."""
    numbers = {*contract.numeric, contract.target}
    swap = str.maketrans({".": contract.decimal, ",": contract.thousands or ""})
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open(encoding="utf-8", newline="") as file, target.open("w", encoding="utf-8", newline="") as made:
        rows = csv.DictReader(file, delimiter=contract.delimiter)
        writer = csv.DictWriter(made, rows.fieldnames, delimiter=contract.delimiter)
        writer.writeheader()
        for row in rows:
            for name in numbers & set(row):
                if row[name] not in contract.missing:
                    row[name] = f"{float(row[name]):,}".translate(swap)
            writer.writerow(row)


@pytest.mark.parametrize(("decimal", "thousands"), [(",", None), (",", "."), (".", "'"), (".", ",")])
def test_every_job_reads_the_notation_of_the_contract(project_named, tmp_path, decimal, thousands):
    plain = project_named("prices")
    other = Project(replace(plain.contract, decimal=decimal, thousands=thousands), tmp_path)
    other.contract_file.write_text(other.contract.to_yaml(), encoding="utf-8")
    for name in ("training", "inference", "labels"):
        for path in files_in(plain / name):
            rewritten(path, tmp_path / name / path.name, other.contract)
    preprocess.main(fit_arguments(other.contract_file, tmp_path / "training", tmp_path))
    train.main(train_arguments(tmp_path, tmp_path / "model"))
    preprocess.main(apply_arguments(tmp_path / "inference", tmp_path / "model", tmp_path / "features"))
    predict.main(predict_arguments(tmp_path / "inference", tmp_path / "model", tmp_path / "predictions"))
    evaluate.main(evaluate_arguments(other, tmp_path / "evaluation"))
    for name in ("train", "validation", "test", "baseline", "features", "predictions", "evaluation"):
        for path in files_in(plain / name):
            assert (tmp_path / name / path.name).read_bytes() == path.read_bytes(), path
    for project, out in ((plain, tmp_path / "plain"), (other, tmp_path / "other")):
        quality_input.main(quality_arguments(project, project / "inference", project / "predictions", out / "quality"))
        model_quality.main(verdict_arguments(project, project / "predictions", project / "labels", out / "verdict"))
    for path in files_in(tmp_path / "plain"):
        assert (tmp_path / "other" / path.relative_to(tmp_path / "plain")).read_bytes() == path.read_bytes(), path
