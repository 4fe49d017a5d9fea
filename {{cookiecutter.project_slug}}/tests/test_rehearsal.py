import json

import pytest
from support import CONTRACTS, contract_of, files_in, put

from csv_stream import CsvStream
from errors import JobError
from local import ROOT
from local import __main__ as command
from local.rehearsal import rehearse
from local.sample import INFERENCE_ROWS, TRAINING_ROWS, write_sample
from metric_names import meets


def test_all_jobs_run_in_order_on_sample_data_that_fits_the_contract(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "WORK", tmp_path / "work")
    contract = ROOT / "config" / "dataset.yaml"
    folders = ["--contract", str(contract), "--data", str(tmp_path / "data")]
    command.main([*folders, "run"])
    said = capsys.readouterr().out
    assert "making a sample that fits the contract" in said
    assert [line.split()[0] for line in said.splitlines()[1:8]] == ["done"] * 7
    verdict = json.loads((tmp_path / "work" / "model-quality" / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["verdict"] in ("PASS", "VIOLATION"), "a threshold may ask for more than a sample can give"
    assert verdict["rows"] == dict.fromkeys(("predicted", "labelled", "matched"), INFERENCE_ROWS)
    evaluation = json.loads((tmp_path / "work" / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["met"] == meets(evaluation["metric"], evaluation["value"], evaluation["threshold"])
    for place in ("model/model.ubj", "predictions/inference-data.csv", "quality-input/inference-data.csv"):
        assert (tmp_path / "work" / place).is_file()
    assert len(files_in(tmp_path / "work" / "logs")) == 7
    assert not [path for path in files_in(tmp_path) if path.suffix == ".partial"]


def test_a_job_that_refuses_stops_the_rehearsal_with_its_last_words(tmp_path, capsys):
    put(tmp_path / "dataset.yaml", contract_of("churn").to_yaml())
    put(tmp_path / "data" / "training-data.csv", "leaves,[/not] markup\n")
    with pytest.raises(JobError, match=r"Preprocess \(fit\) failed; read .*Preprocess \(fit\)\.txt"):
        rehearse(tmp_path / "data", tmp_path / "work", tmp_path / "dataset.yaml")
    said = capsys.readouterr().out
    assert "failed Preprocess (fit)" in said
    assert "row 1 (line 1), column 'calls': '[/not] markup' is not a number" in said


def test_a_sample_takes_the_place_of_data_only_by_force(own_contract, tmp_path):
    put(tmp_path / "dataset.yaml", own_contract.to_yaml())
    mine = put(tmp_path / "data" / "ground-truth.csv", "mine")
    arguments = ["--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data"), "sample"]
    with pytest.raises(JobError, match="holds data already; to replace it: make sample FORCE=yes"):
        command.main(arguments)
    assert mine.read_text(encoding="utf-8") == "mine"
    command.main([*arguments, "--force"])
    assert mine.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize("name", ["own", *CONTRACTS])
def test_sample_data_keeps_the_contract(own_contract, tmp_path, name):
    contract = own_contract if name == "own" else contract_of(name)
    put(tmp_path / "dataset.yaml", contract.to_yaml())
    command.main(["--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data"), "sample"])
    for file, columns, rows in (
        ("training-data.csv", contract.file_columns(labelled=True), TRAINING_ROWS),
        ("inference-data.csv", contract.file_columns(labelled=False), INFERENCE_ROWS),
        ("ground-truth.csv", contract.label_columns, INFERENCE_ROWS),
    ):
        stream = CsvStream(tmp_path / "data" / file, contract, columns)
        assert sum(batch.num_rows for batch in stream) == rows


def test_the_same_seed_makes_the_same_sample(own_contract, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(own_contract, tmp_path / name, seed)
    a, b, c = ([path.read_bytes() for path in files_in(tmp_path / name)] for name in "abc")
    assert a == b
    assert a != c
