"""`mlops data --sample` writes data that fits the contract."""

from dataclasses import replace
from datetime import date

import pytest

from contracts import CONTRACTS, contract_of, files_in, proposed, put
from mlops_jobs.contract import parse_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError
from mlops_kit.cli import main as command
from mlops_kit.data.drifted_sample import write_drifted_sample
from mlops_kit.data.sample import INFERENCE_ROWS, TRAINING_ROWS, write_sample


def test_a_sample_replaces_data_only_with_force(own_contract, tmp_path):
    put(tmp_path / "dataset.yaml", own_contract.to_yaml())
    mine = put(tmp_path / "data" / "ground-truth.csv", "mine")
    arguments = ["data", "--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data"), "--sample"]
    with pytest.raises(UserError, match="holds data already; to replace it: mlops data --sample --force"):
        command.main(arguments)
    assert mine.read_text(encoding="utf-8") == "mine"
    command.main([*arguments, "--force"])
    assert mine.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize("name", ["own", *CONTRACTS])
def test_sample_data_fits_the_contract(own_contract, tmp_path, name):
    contract = own_contract if name == "own" else contract_of(name)
    put(tmp_path / "dataset.yaml", contract.to_yaml())
    command.main(["data", "--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data"), "--sample"])
    for file, columns, rows in (
        ("training-data.csv", contract.file_columns(labelled=True), TRAINING_ROWS),
        ("inference-data.csv", contract.file_columns(labelled=False), INFERENCE_ROWS),
        ("ground-truth.csv", contract.label_columns, INFERENCE_ROWS),
    ):
        stream = CsvStream(tmp_path / "data" / file, contract, columns)
        assert sum(batch.num_rows for batch in stream) == rows


def test_the_same_seed_gives_the_same_sample(own_contract, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(own_contract, tmp_path / name, seed)
    a, b, c = ([path.read_bytes() for path in files_in(tmp_path / name)] for name in "abc")
    assert a == b
    assert a != c


FEATURES = """
dataset: flats
problem_type: regression
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: area, role: numeric}
  - {name: sold_on, role: input}
  - {name: rooms, role: input}
  - {name: age_days, role: numeric, source: features}
  - {name: price, role: target}
metric: rmse
threshold: 100
"""


def test_columns_that_only_features_read_are_filled_and_columns_that_they_add_are_not(tmp_path):
    contract = parse_contract(FEATURES)
    write_sample(contract, tmp_path)
    header, *rows = (tmp_path / "training-data.csv").read_text().splitlines()
    assert header == '"area","sold_on","rooms","price"'
    for row in rows:
        _, sold_on, rooms, _ = row.split(",")
        assert date.fromisoformat(sold_on.strip('"')).year in range(2015, 2026)
        assert float(rooms) > 0
    write_drifted_sample(contract, tmp_path / "training-data.csv", tmp_path / "drifted")
    assert (tmp_path / "drifted" / "training-data.csv").read_text().splitlines()[0] == header


@pytest.mark.parametrize("name", CONTRACTS)
def test_samples_are_written_in_the_notation_of_the_contract(tmp_path, name):
    contract = replace(contract_of(name), delimiter=";", decimal=",", thousands=".")
    write_sample(contract, tmp_path)
    write_drifted_sample(contract, tmp_path / "training-data.csv", tmp_path / "drifted")
    for file in ("training-data.csv", "drifted/training-data.csv"):
        stream = CsvStream(tmp_path / file, contract, contract.file_columns(labelled=True))
        assert sum(batch.num_rows for batch in stream) > 100


def test_a_proposal_keeps_the_columns_of_features(tmp_path):
    contract = parse_contract(FEATURES)
    rows = "".join(f"{row}.5,2024-01-{row % 28 + 1:02d},{row % 4},{row},{row * 3}.25\n" for row in range(60))
    put(tmp_path / "own.csv", f"area,sold_on,rooms,floor,price\n{rows}")
    proposal = proposed(tmp_path / "own.csv", contract, "price")
    assert proposal.added == ("age_days",)
    assert {column.name: column.role for column in proposal.columns}["sold_on"] == "input"
