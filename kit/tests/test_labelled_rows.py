"""The rows of a training folder are split by row, by group, by time, or into files of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import put
from mlops_jobs.contract import Contract, load_contract, parse_contract
from mlops_jobs.errors import ContractError, DataError
from mlops_jobs.labelled_rows import LabelledRows
from mlops_jobs.split_rule import SplitRule
from mlops_jobs.splitting import LEFT_OUT, NAMES, TEST, TRAIN, Splitter
from mlops_kit.data.data_files import upload_data
from mlops_kit.data.held_out_rows import held_out_rows

BY_ROW = """
dataset: visits
problem_type: regression
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: customer, role: ignored}
  - {name: day, role: ignored}
  - {name: x, role: numeric}
  - {name: y, role: target}
metric: rmse
threshold: 1
"""
HEADER = "customer,day,x,y\n"
Rows = Sequence[str]


def contract_by(split: str = "", text: str = BY_ROW) -> Contract:
    return parse_contract(f"{text}split: {{{split}}}\n" if split else text)


def visits(count: int) -> list[str]:
    return [f"c{row * 7 % 40},2024-{row % 12 + 1:02d}-{row % 28 + 1:02d},{row}.5,{row % 5}" for row in range(count)]


def split_files(folder: Path, files: Mapping[str, Rows], contract: Contract) -> dict[str, int]:
    """The split of each line of the files, after a second pass where one is needed."""
    paths = [put(folder / name, HEADER + "".join(f"{row}\n" for row in rows)) for name, rows in files.items()]
    labelled = LabelledRows(paths, contract, Splitter(1, 0.15, 0.15), str(folder))
    while True:
        found: list[int] = []
        for batch in labelled:
            strata = np.zeros(batch.rows.num_rows, np.int64)
            found += labelled.splits.assign(batch.keys, strata, batch.times, is_test_file=batch.is_test_file).tolist()
        if not labelled.settle([0]):
            break
    in_order = sorted(files, key=lambda name: not contract.split.is_test_file(name))
    lines = [line for name in in_order for line in files[name]]
    assert len(found) == len(lines)
    return dict(zip(lines, found, strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_a_rows_split_depends_neither_on_its_file_nor_on_its_place(data: st.DataObject, tmp_path: Path) -> None:
    rows = visits(60)
    shuffled, cut = data.draw(st.permutations(rows)), data.draw(st.integers(1, 59))
    files = {"a.csv": shuffled[:cut], "b.csv": shuffled[cut:]}
    assert split_files(tmp_path / "two", files, contract_by()) == split_files(
        tmp_path / "one", {"rows.csv": rows}, contract_by()
    )


def test_rows_put_in_front_move_no_other_row(tmp_path: Path) -> None:
    rows = visits(400)
    before = split_files(tmp_path, {"rows.csv": rows[7:]}, contract_by())
    after = split_files(tmp_path, {"rows.csv": rows}, contract_by())
    assert {row: after[row] for row in before} == before


def test_with_an_id_the_split_follows_from_it_alone(tmp_path: Path) -> None:
    text = BY_ROW.replace("name: customer, role: ignored", "name: customer, role: id")
    rows = [f"c{row},2024-01-01,{row},{row}" for row in range(200)]
    changed = [f"c{row},2025-01-01,{row * 2},0" for row in range(200)]
    contract = contract_by(text=text)
    first, second = (split_files(tmp_path, {"rows.csv": lines}, contract) for lines in (rows, changed))
    assert list(first.values()) == list(second.values())


@pytest.mark.parametrize("role", ["ignored", "categorical", "input", "id"])
def test_by_group_no_value_is_in_two_splits(tmp_path: Path, role: str) -> None:
    rows = visits(400) if role != "id" else [f"c{row},,{row},{row}" for row in range(400)]
    text = BY_ROW.replace("name: customer, role: ignored", f"name: customer, role: {role}")
    found = split_files(tmp_path, {"rows.csv": rows}, contract_by("by: group, column: customer", text))
    groups: dict[str, set[int]] = {}
    for row, split in found.items():
        groups.setdefault(row.split(",")[0], set()).add(split)
    assert {len(splits) for splits in groups.values()} == {1}
    assert set(found.values()) == set(NAMES)


def test_by_group_even_three_groups_fill_three_splits(tmp_path: Path) -> None:
    rows = [f"c{row % 3},,{row},{row}" for row in range(60)]
    found = split_files(tmp_path, {"rows.csv": rows}, contract_by("by: group, column: customer"))
    assert set(found.values()) == set(NAMES)


def test_by_time_every_test_row_is_newer_than_every_other_row(tmp_path: Path) -> None:
    rows = visits(400)
    found = split_files(tmp_path, {"a.csv": rows[:100], "b.csv": rows[100:]}, contract_by("by: time, column: day"))
    days = {name: {row.split(",")[1] for row in found if found[row] == split} for split, name in NAMES.items()}
    assert max(days["train"]) < min(days["validation"])
    assert max(days["validation"]) < min(days["test"])


def test_a_group_or_a_time_that_is_missing_is_refused_with_file_row_and_column(tmp_path: Path) -> None:
    rows = [*visits(30), ",2024-01-01,1,1"]
    with pytest.raises(DataError, match=r"rows\.csv: row 31, column 'customer': the cell is empty"):
        split_files(tmp_path, {"rows.csv": rows}, contract_by("by: group, column: customer"))
    rows[-1] = "NA,2024-01-01,1,1"
    text = BY_ROW.replace('missing: [""]', 'missing: ["", "NA"]')
    with pytest.raises(DataError, match=r"row 31, column 'customer': the cell is missing \('NA'\).* off csv.missing"):
        split_files(tmp_path, {"rows.csv": rows}, contract_by("by: group, column: customer", text))
    rows[-1] = "c1,,1,1"
    with pytest.raises(DataError, match=r"rows\.csv: row 31, column 'day': '' cannot be compared"):
        split_files(tmp_path, {"rows.csv": rows}, contract_by("by: time, column: day"))


def test_the_rows_of_named_files_are_the_test_split_and_never_train(tmp_path: Path) -> None:
    rows = visits(400)
    files = {"rows.csv": rows[:350] + rows[360:361], "holdout-1.csv": rows[350:380], "holdout-2.csv": rows[380:]}
    found = split_files(tmp_path, files, contract_by("test_files: 'holdout-*.csv'"))
    assert {row for row, split in found.items() if split == TEST} == set(rows[350:]) - {rows[360]}
    assert found[rows[360]] == LEFT_OUT, "the same row in another file must not train"
    assert sum(split == TRAIN for split in found.values()) > 200


@pytest.mark.parametrize(("name", "problem"), [("rows.csv", "no file is"), ("holdout-1.csv", "every file is")])
def test_named_files_must_exist_beside_others(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(DataError, match=rf"{problem} of the name 'holdout-\*\.csv' \(split\.test_files"):
        split_files(tmp_path, {name: visits(40)}, contract_by("test_files: 'holdout-*.csv'"))


def test_rows_that_repeat_are_in_one_split_and_counted(tmp_path: Path) -> None:
    rows = visits(100)
    path = put(tmp_path / "rows.csv", HEADER + "".join(f"{row}\n" for row in [*rows, *rows[5:8]]))
    labelled = LabelledRows([path], contract_by(), Splitter(1, 0.15, 0.15), str(path))
    keys = np.concatenate([batch.keys for batch in labelled])
    assert (keys[100:] == keys[5:8]).all()
    assert labelled.repeated.as_dict() == {"rows": 3, "first": "row 6 of rows.csv and row 101 of rows.csv"}


def assigned(path: Path) -> list[int]:
    """The splits of the rows of a file without ids, in the order of the rows."""
    labelled = LabelledRows([path], contract_by(), Splitter(1, 0.15, 0.15), str(path))
    while True:
        parts = [
            labelled.splits.assign(batch.keys, np.zeros(batch.rows.num_rows, np.int64)).tolist() for batch in labelled
        ]
        if not labelled.settle([0]):
            return [split for part in parts for split in part]


def test_rows_that_a_join_repeated_are_in_one_split(tmp_path: Path) -> None:
    rows = [f"c,,{row},{row}" for row in range(60)] * 5
    found = assigned(put(tmp_path / "rows.csv", HEADER + "".join(f"{row}\n" for row in rows)))
    splits: dict[str, set[int]] = {}
    for row, split in zip(rows, found, strict=True):
        splits.setdefault(row, set()).add(split)
    assert {len(of_a_row) for of_a_row in splits.values()} == {1}


def test_where_few_rows_come_over_and_over_each_is_split_by_itself_in_any_order(tmp_path: Path) -> None:
    rows = [f"c,,{row % 4},{row % 2}" for row in range(400)]
    orders = rows, rows[::-1], rows[200:] + rows[:200]
    counts = []
    for number, order in enumerate(orders):
        found = assigned(put(tmp_path / f"{number}.csv", HEADER + "".join(f"{row}\n" for row in order)))
        counts.append(Counter(zip(order, found, strict=True)))
    assert counts[0] == counts[1] == counts[2]
    assert {split for row, split in counts[0] if row == rows[0]} == set(NAMES)


# The contract's key


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        ("by: customer", "split.by is 'customer'; it must be one of row, group, time"),
        ("by: group", "split.by is group and split.column is missing"),
        ("by: time, column: month", "split.column is 'month', which is no column of the file"),
        ("by: time, column: y", "split.column is 'y', the target"),
        ("column: day", "split.column is 'day' and split.by is row"),
        ("test_files: data/a.csv", "split.test_files is 'data/a.csv'; it must be a file name"),
        ("test_file: a.csv", "split has the unknown key 'test_file'"),
        ("by: true", "split.by is True to YAML; put it in quotes"),
    ],
)
def test_a_split_that_cannot_be_is_refused(split: str, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        contract_by(split)


def test_a_split_survives_writing_and_reading_the_contract(tmp_path: Path) -> None:
    contract = contract_by("by: time, column: day, test_files: 'holdout-*.csv'")
    assert load_contract(put(tmp_path / "dataset.yaml", contract.to_yaml())) == contract
    assert contract.split == SplitRule("time", "day", "holdout-*.csv")
    assert "split" not in contract_by().to_yaml(), "a contract without it stays as it was"


# The rows to predict of an imported file


def imported(folder: Path, rows: Rows, contract: Contract) -> dict[str, bool]:
    path = put(folder / "rows.csv", HEADER + "".join(f"{row}\n" for row in rows))
    return dict(zip(rows, held_out_rows(path, contract).to_predict.tolist(), strict=True))


def test_an_imported_files_rows_to_predict_follow_the_contracts_split(tmp_path: Path) -> None:
    rows = visits(400)
    by_row, fewer = (imported(tmp_path, some, contract_by()) for some in (rows, rows[7:]))
    assert {row: by_row[row] for row in fewer} == fewer
    assert sum(by_row.values()) == pytest.approx(80, abs=24)
    by_group = imported(tmp_path, rows, contract_by("by: group, column: customer"))
    sides = [{row.split(",")[0] for row in rows if by_group[row] is side} for side in (True, False)]
    assert not sides[0] & sides[1]
    by_time = imported(tmp_path, rows, contract_by("by: time, column: day"))
    newest, older = ([row.split(",")[1] for row in rows if by_time[row] is side] for side in (True, False))
    assert min(newest) > max(older)


def test_preprocess_finds_rows_for_every_split_in_what_an_import_leaves(tmp_path: Path) -> None:
    rows = visits(400)
    left = [row for row, predicted in imported(tmp_path, rows, contract_by()).items() if not predicted]
    found = list(split_files(tmp_path / "left", {"rows.csv": left}, contract_by()).values())
    assert found.count(TEST) == pytest.approx(0.15 * len(left), abs=25)


def test_all_rows_of_a_class_too_rare_to_share_are_left_to_train(tmp_path: Path) -> None:
    contract = replace(contract_by(), problem_type="multiclass", metric="accuracy", threshold=0.9)
    rows = [f"c,,{row},{'rare' if row < 3 else row % 2}" for row in range(200)]
    assert not any(predicted for row, predicted in imported(tmp_path, rows, contract).items() if row.endswith("rare"))


def test_an_import_names_rows_that_repeat_and_columns_that_give_the_target_away(tmp_path: Path) -> None:
    rows = [f"c,,{row % 90 * 3 + 1},{row % 90}" for row in range(100)]
    path = put(tmp_path / "rows.csv", HEADER + "".join(f"{row}\n" for row in rows))
    giveaway, repeated = held_out_rows(path, contract_by()).notes()
    assert giveaway.startswith(
        "column 'x' gives the target away: the target is a linear function of it: give it the role"
    )
    assert repeated.startswith(
        "10 rows hold the same cells in the columns that are used as an earlier one (first: row 1 of rows.csv and row "
        "91 of rows.csv); they are split together with the row they repeat"
    )


@pytest.mark.parametrize(("rule", "column"), [("time", "day"), ("group", "customer")])
def test_an_import_says_that_rows_that_repeat_are_split_by_their_time_or_group(
    tmp_path: Path, rule: str, column: str
) -> None:
    rows = [f"c{row % 9},2024-01-{row % 28 + 1:02d},{row * 7 % 90},{row % 90 % 11}" for row in range(100)]
    path = put(tmp_path / "rows.csv", HEADER + "".join(f"{row}\n" for row in rows))
    [repeated] = held_out_rows(path, contract_by(f"by: {rule}, column: {column}")).notes()
    assert repeated.endswith(f"; they are split each by its {rule}, column {column!r}")
    one = replace(contract_by(), columns=tuple(column for column in contract_by().columns if column.role != "ignored"))
    path = put(tmp_path / "rows.csv", "x,y\n" + "".join(f"{','.join(row.split(',')[2:])}\n" for row in rows))
    [repeated] = held_out_rows(path, one).notes()
    assert repeated.startswith("10 rows hold the same cells as an earlier one")


def test_the_test_files_are_uploaded_with_the_training_data_only(tmp_path: Path) -> None:
    for name in ("training-data.csv", "inference-data.csv", "holdout-1.csv", "other.csv"):
        put(tmp_path / name, "x\n1\n")
    s3 = Mock()
    rule = SplitRule(test_files="holdout-*.csv")
    assert upload_data(tmp_path, s3, "b", ("training",), rule) == [
        "s3://b/data/training/training-data.csv",
        "s3://b/data/training/holdout-1.csv",
    ]
    assert upload_data(tmp_path, s3, "b", ("inference",), rule) == ["s3://b/data/inference/inference-data.csv"]


def test_a_proposal_for_other_columns_keeps_a_split_that_fits() -> None:
    rule = SplitRule("group", "customer")
    assert rule.kept_for(("customer", "y"), "y") == rule
    assert rule.kept_for(("x", "y"), "y") == rule.kept_for(("customer", "x"), "customer") == SplitRule()


def test_copies_of_a_row_stay_together_where_a_small_file_has_few_rows_to_train_with(tmp_path: Path) -> None:
    for number in range(60):
        rows = [f"c,,{number * 100 + row // 3},{row // 3}" for row in range(24)]
        path = put(tmp_path / "rows.csv", HEADER + "".join(f"{row}\n" for row in rows))
        to_predict = held_out_rows(path, contract_by()).to_predict.tolist()
        assert to_predict[::3] == to_predict[1::3] == to_predict[2::3]
