"""`mlops data --sample` writes data that fits the contract."""

import pytest

from contracts import CONTRACTS, contract_of, files_in, put
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError
from mlops_kit.cli import main as command
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
