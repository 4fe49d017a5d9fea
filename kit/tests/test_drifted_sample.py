"""The drifted sample: every file fits the contract, the features have drifted, and the target has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.typed_columns import typed
from mlops_kit.data.drifted_sample import PREDICTED_EVERY, World, worlds, write_drifted_sample
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


def drifted_in(world: World, contract: Contract, folder: Path) -> pa.Table:
    """The training rows after a drift."""
    write_drifted_sample(contract, folder / "known.csv", folder / "drifted", world=world)
    return read(folder / "drifted" / "training-data.csv", contract, contract.file_columns(labelled=True))


def test_the_features_have_drifted(contract: Contract, known: pa.Table, tmp_path: Path) -> None:
    before = known.filter(training_mask())
    for world in worlds(contract):
        drifted = drifted_in(world, contract, tmp_path)
        for name in contract.numeric:
            moved = pc.subtract(pc.mean(drifted[name]), pc.mean(before[name])).as_py()
            assert moved == pytest.approx(world.direction * 3 * pc.stddev(known[name]).as_py(), rel=0.1)
            assert drifted[name].null_count == before[name].null_count
        if not contract.numeric:
            assert any(str(value).endswith(" new") for value in plain(drifted[contract.categorical[0]]))


def test_a_target_moves_or_every_row_of_a_class_gets_the_same_class(
    contract: Contract, known: pa.Table, tmp_path: Path
) -> None:
    before = plain(known.filter(training_mask())[contract.target])
    for world in worlds(contract):
        pairs = list(zip(before, plain(drifted_in(world, contract, tmp_path)[contract.target]), strict=True))
        if not contract.is_classification:
            assert {new > old for old, new in pairs} == {world.target_direction > 0}  # type: ignore[operator]
            continue
        assert len(set(pairs)) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
        assert {old != new for old, new in pairs} == {world.rotates}


def test_without_numbers_dates_move_and_truth_values_are_the_others(tmp_path: Path) -> None:
    contract = parse_contract("""
        {dataset: d, problem_type: regression, csv: {header: true, delimiter: ",", missing: [""]}, metric: mae,
         threshold: 3, columns: [{name: day, role: datetime, format: "%d.%m.%y"}, {name: paid, role: boolean},
         {name: t, role: target}]}""")
    write_csv(contract, sample_table(contract, ROWS, seed=1), tmp_path / "known.csv")
    known = read(tmp_path / "known.csv", contract, contract.file_columns(labelled=True)).filter(training_mask())
    days = [
        pc.mean(typed_table(table, contract)["day.days"]).as_py()
        for table in (known, drifted_in(World(), contract, tmp_path))
    ]
    assert days[1] - days[0] > 1_000
    only = replace(contract, columns=contract.columns[1:])
    write_csv(only, sample_table(only, ROWS, seed=1), tmp_path / "known.csv")
    before = read(tmp_path / "known.csv", only, only.file_columns(labelled=True)).filter(training_mask())
    shares = [typed_table(table, only)["paid"] for table in (before, drifted_in(World(), only, tmp_path))]
    assert pc.mean(shares[0]).as_py() == pytest.approx(1 - pc.mean(shares[1]).as_py())


def typed_table(table: pa.Table, contract: Contract) -> pa.Table:
    return pa.Table.from_batches([typed(batch, contract) for batch in table.to_batches()])
