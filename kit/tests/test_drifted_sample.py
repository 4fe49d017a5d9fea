"""The drifted sample: every file fits the contract, the features have drifted, and the target has changed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_kit.data.drifted_sample import PREDICTED_EVERY, write_drifted_sample
from mlops_kit.data.sample import sample_table, write_csv

ROWS = 300
CONTRACTS = {
    "numbers with marks": """
        {dataset: a, problem_type: regression, csv: {header: true, delimiter: ";", missing: ["?"]}, metric: mae,
         threshold: 3, columns: [{name: n, role: id}, {name: x, role: numeric}, {name: y, role: ignored},
         {name: c, role: categorical}, {name: t, role: target}]}""",
    "categories only": """
        {dataset: b, problem_type: multiclass, csv: {header: false, delimiter: ",", missing: [""]}, metric: f1_macro,
         threshold: 0.7, columns: [{name: t, role: target}, {name: c, role: categorical}]}""",
    "two classes": """
        {dataset: c, problem_type: binary, positive_class: leaves, csv: {header: true, delimiter: ",", missing: [""]},
         metric: f1, threshold: 0.7, columns: [{name: x, role: numeric}, {name: t, role: target}]}""",
}


@pytest.fixture(params=CONTRACTS)
def contract(request: pytest.FixtureRequest) -> Contract:
    return parse_contract(CONTRACTS[request.param])


@pytest.fixture
def known(contract: Contract, tmp_path: Path) -> pa.Table:
    """Write sample rows, and return them as a job reads them."""
    write_csv(contract, sample_table(contract, ROWS, seed=1), tmp_path / "known.csv")
    return read(tmp_path / "known.csv", contract, contract.file_columns(labelled=True))


def read(path: Path, contract: Contract, columns: tuple[str, ...]) -> pa.Table:
    return pa.Table.from_batches(list(CsvStream(path, contract, columns))).unify_dictionaries()


def training_mask() -> pa.Array:
    """Which of the known rows are training rows."""
    return pa.array(row % PREDICTED_EVERY != 0 for row in range(ROWS))


def plain(values: pa.ChunkedArray) -> list[object]:
    cells: list[object] = values.to_pylist()
    return cells


def test_its_files_fit_the_contract_and_hold_every_row_once(
    contract: Contract, known: pa.Table, tmp_path: Path
) -> None:
    write_drifted_sample(contract, tmp_path / "known.csv", tmp_path / "drifted")
    columns = {
        "training-data": contract.file_columns(labelled=True),
        "inference-data": contract.file_columns(labelled=False),
        "ground-truth": contract.label_columns,
    }
    rows = {name: len(read(tmp_path / "drifted" / f"{name}.csv", contract, columns[name])) for name in columns}
    batch = ROWS // PREDICTED_EVERY
    assert rows == {"training-data": ROWS - batch, "inference-data": batch, "ground-truth": batch}


def test_the_features_have_drifted_and_every_target_has_changed(
    contract: Contract, known: pa.Table, tmp_path: Path
) -> None:
    write_drifted_sample(contract, tmp_path / "known.csv", tmp_path / "drifted")
    drifted = read(tmp_path / "drifted" / "training-data.csv", contract, contract.file_columns(labelled=True))
    before = known.filter(training_mask())
    for name in contract.numeric:
        moved = pc.subtract(pc.mean(drifted[name]), pc.mean(before[name])).as_py()
        assert moved == pytest.approx(3 * pc.stddev(known[name]).as_py(), rel=0.1)
        assert drifted[name].null_count == before[name].null_count
    if not contract.numeric:
        assert any(str(value).endswith(" new") for value in plain(drifted[contract.features[0]]))
    pairs = zip(plain(before[contract.target]), plain(drifted[contract.target]), strict=True)
    assert all(old != new for old, new in pairs)


def test_every_row_of_a_class_gets_the_same_new_class(contract: Contract, known: pa.Table, tmp_path: Path) -> None:
    write_drifted_sample(contract, tmp_path / "known.csv", tmp_path / "drifted")
    drifted = read(tmp_path / "drifted" / "training-data.csv", contract, contract.file_columns(labelled=True))
    before = known.filter(training_mask())
    pairs = set(zip(plain(before[contract.target]), plain(drifted[contract.target]), strict=True))
    if contract.is_classification:
        assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
