import csv
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_jobs.artifact import load_fitted
from mlops_jobs.contract import Column
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError
from mlops_jobs.feature_files import FeatureFile
from mlops_jobs.monitor_files import unmarked
from mlops_jobs.monitor_names import unescaped
from mlops_jobs.split_rule import TIME, SplitRule
from mlops_kit.data.sample import sample_table, write_csv
from support import INFERENCE_ROWS, ROWS, apply_arguments, contract_of, files_in, fit_arguments, put, write_rows

import preprocess


def csv_rows(path, contract):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=contract.delimiter))
    return rows[1:] if contract.header else rows


def cell(contract, role, number):
    """A cell of this role: now as in training, now missing, now never seen."""
    if role == "id":
        return f"row {number}"
    if role == "numeric":
        return next(iter(contract.missing), "0") if number % 3 else str(number / 7)
    if role == "categorical":
        return ("A", "", "never seen", "D")[number % 4]
    if role == "boolean":
        return ("yes", "", "FALSE")[number % 3]
    return "" if role in ("input", "datetime") else "-"


def read_baseline(project, **options):
    """The baseline with all its rows: where the only feature of one is missing, its line is empty."""
    table = pd.read_csv(project / "baseline" / "baseline.csv", skip_blank_lines=False, **options)
    table = table.rename(columns=unescaped)
    for name in project.contract.categorical:
        table[name] = table[name].map(unmarked, na_action="ignore")
    return table


def rows_of(contract, count):
    columns = [column for column in contract.columns if column.role != "target" and not column.is_added]
    return [[cell(contract, column.role, row * 5 + i) for i, column in enumerate(columns)] for row in range(count)]


def spread(contract, share):
    """By how much the number of rows of a split may differ: three standard deviations; more where groups are dealt."""
    return 3 * (share * (1 - share) * ROWS) ** 0.5 * (4 if contract.split.by == "group" else 1)


def test_the_rows_are_split_in_the_usual_shares(project):
    report = json.loads((project / "preprocessor" / "report.json").read_text(encoding="utf-8"))
    assert sum(report["rows"].values()) == ROWS
    assert report["rows"]["train"] == pytest.approx(0.7 * ROWS, abs=spread(project.contract, 0.7))
    assert report["rows"]["validation"] == pytest.approx(0.15 * ROWS, abs=spread(project.contract, 0.15))
    for name, count in (("train", report["rows"]["train"]), ("validation", report["rows"]["validation"])):
        assert pq.read_metadata(project / name / f"{name}.parquet").num_rows == count
    assert len(read_baseline(project)) == report["rows"]["train"]
    assert len(pd.read_csv(project / "test" / "test.csv")) == report["rows"]["test"]


def test_the_baseline_is_the_raw_training_split_in_the_contracts_columns(project):
    baseline = read_baseline(project)
    assert tuple(baseline.columns) == project.contract.baseline_columns
    features = pq.read_table(project / "train" / "train.parquet")
    for name in project.contract.numeric:
        known = baseline[name].notna().to_numpy()
        assert np.array_equal(baseline[name].astype("float32")[known], features[name].to_numpy()[known])


def test_an_empty_numeric_cell_gets_the_median_of_the_training_split(project):
    baseline = read_baseline(project)
    features = pq.read_table(project / "train" / "train.parquet")
    medians = json.loads((project / "preprocessor" / "preprocessor.json").read_text(encoding="utf-8"))["medians"]
    assert set(medians) == set(project.contract.numeric)
    for name, median in medians.items():
        values = baseline[name].astype("float32").astype("float64")
        assert median == np.median(values.dropna())
        assert (features[name].to_numpy()[values.isna()] == np.float32(median)).all()


def test_the_categories_are_those_of_the_training_split(project):
    baseline = read_baseline(project, dtype=str, keep_default_na=False)
    preprocessor = load_fitted(project / "preprocessor")[1]
    features = pq.read_table(project / "train" / "train.parquet")
    for name in project.contract.categorical:
        assert preprocessor.categories[name] == tuple(sorted(set(baseline[name]) - {""}))
        codes = features[name].to_numpy()
        named = [preprocessor.categories[name][int(code)] if code == code else "" for code in codes]
        assert named == baseline[name].tolist()


def test_a_category_that_only_other_splits_hold_is_not_learned(tmp_path):
    rows = "".join(f"s{row},wool {row},{'ab'[row % 2]},slim\n" for row in range(40))
    put(tmp_path / "in" / "rows.csv", "shirt,fabric,class,cut\n" + rows)
    put(tmp_path / "dataset.yaml", contract_of("sizes").to_yaml())
    preprocess.main(fit_arguments(tmp_path / "dataset.yaml", tmp_path / "in", tmp_path / "out"))
    training = pd.read_csv(tmp_path / "out" / "baseline" / "baseline.csv")["fabric"]
    assert load_fitted(tmp_path / "out" / "preprocessor")[1].categories["fabric"] == tuple(sorted(training))
    validation = pq.read_table(tmp_path / "out" / "validation" / "validation.parquet")
    assert np.isnan(validation["fabric"].to_numpy()).all()


def fitted_on(rows, folder):
    """What was learned of rows of the contract sizes."""
    put(folder / "in" / "rows.csv", "shirt,fabric,class,cut\n" + "".join(rows))
    put(folder / "dataset.yaml", contract_of("sizes").to_yaml())
    preprocess.main(fit_arguments(folder / "dataset.yaml", folder / "in", folder / "out"))
    report = json.loads((folder / "out" / "preprocessor" / "report.json").read_text(encoding="utf-8"))
    return load_fitted(folder / "out" / "preprocessor")[1], report["rows"]


def test_what_healthy_rows_look_like_is_learned(tmp_path):
    rows = [f"s{row},{'' if row % 8 == 0 else 'wool'},{'ab'[row % 2]},cut {row}\n" for row in range(200)]
    preprocessor, splits = fitted_on(rows, tmp_path)
    expected = preprocessor.expected
    assert (expected.rows, expected.missing, expected.non_negative) == (200, {"fabric": 25}, ())
    outside = splits["train"] + splits["validation"]
    assert expected.unseen["fabric"] == (0, outside)
    assert expected.unseen["cut"] == (outside, outside), "each row has a cut of its own"


def test_numbers_below_zero_are_normal_where_training_has_one(tmp_path):
    rows = "".join(f"f{row};{row};{row - 50};A;-;{row}\n" for row in range(100))
    put(tmp_path / "in" / "rows.csv", "flat;floor area;split;district;remark;price in $\n" + rows)
    put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    preprocess.main(fit_arguments(tmp_path / "dataset.yaml", tmp_path / "in", tmp_path / "out"))
    assert load_fitted(tmp_path / "out" / "preprocessor")[1].expected.non_negative == ("floor area",)


def test_an_empty_cell_to_predict_gets_the_median_of_the_training_split(project_named, tmp_path):
    project = project_named("prices")
    put(tmp_path / "in" / "rows.csv", "flat;floor area;split;district;remark\nf1;?;;A;-\n")
    preprocess.apply(tmp_path / "in", *load_fitted(project / "model"), tmp_path / "out")
    [row] = pq.read_table(tmp_path / "out" / "rows.parquet").to_pylist()
    baseline = read_baseline(project).astype({"floor area": "float32", "split": "float32"})
    for name in project.contract.numeric:
        assert row[name] == np.float32(np.median(baseline[name].dropna().astype("float64")))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(project, tmp_path):
    def bytes_with(seed):
        out = tmp_path / seed
        preprocess.main(fit_arguments(project.contract_file, project / "training", out, "--seed", seed))
        return {path.relative_to(out): path.read_bytes() for path in files_in(out)}

    first = bytes_with("1")
    assert all((project / str(name)).read_bytes() == content for name, content in first.items())
    assert bytes_with("2").keys() == first.keys()
    assert (bytes_with("2") != first) == (project.contract.split.by != TIME)


@settings(max_examples=10)
@given(texts=st.lists(st.text("AB \u00e9\u4e2d\"',", max_size=3), min_size=1))
def test_a_fitted_preprocessor_never_changes_whatever_categories_come(project, tmp_path, texts):
    contract, preprocessor = load_fitted(project / "preprocessor")
    before, fingerprint = preprocessor.to_json(), preprocessor.fingerprint
    columns = {
        name: pa.array([1.5] * len(texts)) if name in contract.numeric else pa.array(texts).dictionary_encode()
        for name in (*contract.numeric, *contract.categorical)
        if name not in contract.added
    }
    empty = pa.array([""] * len(texts)).dictionary_encode()
    columns |= {column.name: empty for column in contract.columns if column.role in ("input", "boolean", "datetime")}
    features = preprocessor.transform(pa.record_batch(columns))
    assert features.shape == (len(texts), len(contract.features))
    assert (preprocessor.to_json(), preprocessor.fingerprint) == (before, fingerprint)
    for index, name in enumerate(contract.features):
        if name in contract.categorical and name not in contract.added:
            known = preprocessor.categories[name]
            assert [text.strip() in known for text in texts] == (~np.isnan(features[:, index])).tolist()


def test_apply_reads_what_was_fitted_and_leaves_it_as_it_was(project, tmp_path):
    before = {path: path.read_bytes() for path in files_in(project / "preprocessor")}
    write_rows(tmp_path / "in" / "rows.csv", project.contract, rows_of(project.contract, 40))
    preprocess.main(apply_arguments(tmp_path / "in", project / "preprocessor", tmp_path / "out"))
    assert {path: path.read_bytes() for path in files_in(project / "preprocessor")} == before
    contract, preprocessor = load_fitted(project / "preprocessor")
    [(batch, features)] = FeatureFile(tmp_path / "out" / "rows.parquet", preprocessor).batches()
    assert features.shape == (40, len(contract.features))
    ids = [contract.id] if contract.id else []
    assert batch.schema.names == [*ids, *contract.features]


def test_what_was_handled_is_counted_by_column(project, tmp_path, capsys):
    contract = project.contract
    rows = rows_of(contract, 40)
    write_rows(tmp_path / "in" / "rows.csv", contract, rows)
    report = preprocess.apply(tmp_path / "in", *load_fitted(project / "model"), tmp_path / "out")
    names = contract.file_columns(labelled=False)
    cells = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    columns = [column for column in contract.columns if column.name in names]
    missing = {
        name: sum(text in contract.missing if column.role == "numeric" else not text for text in cells[column.name])
        for column in columns
        for name in column.features
    }
    assert report["rows"] == 40
    counted = {name: count for name, count in report["missing_cells"].items() if name not in contract.added}
    assert counted == {name: count for name, count in missing.items() if count}
    unseen = {name: count for name, count in report["unseen_categories"].items() if name not in contract.added}
    known = load_fitted(project / "model")[1].categories
    read = [name for name in contract.categorical if name in cells]
    expected = {name: sum(text not in ("", *known[name]) for text in cells[name]) for name in read}
    assert unseen == {name: count for name, count in expected.items() if count}


def test_what_a_spreadsheet_adds_changes_no_feature(project, tmp_path):
    [plain] = files_in(project / "training")
    put(tmp_path / "in" / plain.name, b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    preprocess.main(fit_arguments(project.contract_file, tmp_path / "in", tmp_path / "out"))
    for name in ("train/train.parquet", "validation/validation.parquet", "test/test.csv", "baseline/baseline.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (project / name).read_bytes()
    report = json.loads((tmp_path / "out" / "preprocessor" / "report.json").read_text(encoding="utf-8"))
    assert report["files"] == {plain.name: {"bom": True, "crlf": True}}


def test_columns_in_another_order_than_the_contracts_are_put_right(project_named, tmp_path):
    project = project_named("prices")
    table = sample_table(project.contract, ROWS + INFERENCE_ROWS, seed=1).slice(0, ROWS)
    (tmp_path / "in").mkdir()
    shuffled = table.select(table.column_names[::-1])
    write_csv(project.contract, shuffled, tmp_path / "in" / "training-data.csv")
    preprocess.main(fit_arguments(project.contract_file, tmp_path / "in", tmp_path / "out"))
    for path in files_in(tmp_path / "out"):
        assert path.read_bytes() == (project / str(path.relative_to(tmp_path / "out"))).read_bytes()


def test_quoted_delimiters_and_spaces_around_texts_belong_to_no_category(tmp_path):
    contract = contract_of("sizes")
    path = put(tmp_path / "rows.csv", 'shirt,fabric,cut\n s 1 ,"wool, grey", slim \ns2,"a ""b""",slim\n')
    [batch] = CsvStream(path, contract, contract.file_columns(labelled=False))
    assert batch.column("shirt").to_pylist() == ["s 1", "s2"]
    assert batch.column("fabric").to_pylist() == ["wool, grey", 'a "b"']
    known = {"fabric": ("cotton", "wool, grey"), "cut": ("slim",)}
    preprocessor = preprocess.Preprocessor(("fabric", "cut"), {}, known, classes=())
    assert preprocessor.transform(batch).tolist()[0] == [1.0, 0.0]


def test_an_empty_line_of_a_single_column_is_a_row_with_a_missing_cell(project_named, tmp_path):
    project = project_named("churn")
    put(tmp_path / "in" / "rows.csv", "1.5\n\n2.5\n")
    report = preprocess.apply(tmp_path / "in", *load_fitted(project / "model"), tmp_path / "out")
    assert report == {"rows": 3, "missing_cells": {"calls": 1}, "unseen_categories": {}}


def test_labels_in_training_files_become_class_indices_with_the_positive_class_last(project_named):
    project = project_named("churn")
    preprocessor = load_fitted(project / "preprocessor")[1]
    assert preprocessor.classes == ("not leaves", "leaves")
    rows = [row for path in files_in(project / "training") for row in csv_rows(path, project.contract) if row[1]]
    counts = Counter(calls for _, calls in rows)
    label = {np.float32(calls): churned for churned, calls in rows if counts[calls] == 1}  # which row it is, calls tell
    calls = read_baseline(project)["calls"].to_numpy(np.float32)
    encoded = pq.read_table(project / "train" / "train.parquet")["churned"].to_numpy()
    known = np.isin(calls, list(label))
    assert known.sum() > 100
    assert encoded[known].tolist() == [float(label[value] == "leaves") for value in calls[known]]


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path):
    contract = contract_of("sizes")
    rows = "".join(f"s{row},wool,{(9, 10, 2)[row % 3]},slim\n" for row in range(30))
    put(tmp_path / "in" / "rows.csv", "shirt,fabric,class,cut\n" + rows)
    put(tmp_path / "dataset.yaml", contract.to_yaml())
    preprocess.main(fit_arguments(tmp_path / "dataset.yaml", tmp_path / "in", tmp_path / "out"))
    assert load_fitted(tmp_path / "out" / "preprocessor")[1].classes == ("2", "9", "10")


def fit_rows(folder, contract, rows):
    """Fit on rows, and return the report and the raw test rows."""
    put(folder / "dataset.yaml", contract.to_yaml())
    put(folder / "in" / "rows.csv", rows)
    preprocess.main(fit_arguments(folder / "dataset.yaml", folder / "in", folder / "out"))
    report = json.loads((folder / "out" / "preprocessor" / "report.json").read_text(encoding="utf-8"))
    return report, (folder / "out" / "test" / "test.csv").read_text(encoding="utf-8").splitlines()[1:]


def test_rows_put_in_front_move_no_row_into_another_split(tmp_path):
    contract = contract_of("churn")
    rows = [f"{'leaves' if row % 3 else 'stays'},{row}\n" for row in range(400)]
    _, fewer = fit_rows(tmp_path / "fewer", contract, "".join(rows[7:]))
    _, more = fit_rows(tmp_path / "more", contract, "".join(rows))
    assert set(fewer) <= set(more)
    assert len(more) - len(fewer) <= 7


def test_the_report_counts_rows_that_repeat_and_names_columns_that_give_the_target_away(tmp_path):
    rows = [f"{'leaves' if row % 300 > 99 else 'stays'},{row % 300}\n" for row in range(400)]
    report, test_rows = fit_rows(tmp_path, contract_of("churn"), "".join(rows))
    assert report["rows_that_repeat"] == {"rows": 100, "first": "row 1 of rows.csv and row 301 of rows.csv"}
    counts = Counter(test_rows)
    assert all(count == (2 if int(row.rpartition(",")[2].split(".")[0]) < 100 else 1) for row, count in counts.items())
    assert report["columns_that_give_the_target_away"]["calls"].startswith("its numbers separate the classes")


def test_a_rare_class_is_in_every_split_and_moves_no_row_of_another(tmp_path):
    contract = contract_of("sizes")
    rows = [f"s{row},cotton,{row % 2},slim\n" for row in range(300)]
    rare = [f"r{row},wool,rare,slim\n" for row in range(3)]
    header = "shirt,fabric,class,cut\n"
    _, without = fit_rows(tmp_path / "without", contract, header + "".join(rows))
    report, test_rows = fit_rows(tmp_path / "with", contract, header + "".join([*rows[:99], *rare, *rows[99:]]))
    rest = [row for row in test_rows if '"rare"' not in row]
    assert rest == without
    assert len(test_rows) - len(rest) == 1
    assert "classes_without_rows" not in report


def test_by_time_a_class_that_is_new_in_the_newest_rows_is_named(tmp_path):
    columns = [*contract_of("sizes").columns, Column("day", "ignored")]
    contract = replace(contract_of("sizes"), columns=tuple(columns), split=SplitRule("time", "day"))
    header = "shirt,fabric,class,cut,day\n"
    rows = "".join(f"s{row},cotton,{row % 2 if row < 90 else 'new'},slim,{row}\n" for row in range(100))
    report, test_rows = fit_rows(tmp_path, contract, header + rows)
    assert len(test_rows) == 15
    assert report["classes_without_rows"] == {"train": ["new"], "validation": ["new"]}


def test_a_split_that_lacks_a_class_of_two_is_refused_with_the_remedy(tmp_path):
    columns = [*contract_of("churn").columns, Column("day", "ignored")]
    contract = replace(contract_of("churn"), columns=tuple(columns), split=SplitRule("time", "day"))
    rows = "".join(f"{'leaves' if row < 50 else 'stays'},{row},{row}\n" for row in range(100))
    with pytest.raises(UserError, match=r"no row of the class 'leaves' with the split by time \('day'\)"):
        fit_rows(tmp_path, contract, rows)
    rare = "".join("leaves,1\n" for _ in range(9))  # as one row
    same = rare + "".join(f"stays,{row}\n" for row in range(100))
    with pytest.raises(UserError, match="rows that hold the same cells are in one split"):
        fit_rows(tmp_path / "same", contract_of("churn"), same)


def test_shares_of_the_split_can_be_chosen(project, tmp_path):
    shares = ("--validation-share", "0.3", "--test-share", "0.05")
    preprocess.main(fit_arguments(project.contract_file, project / "training", tmp_path, *shares))
    assert pq.read_metadata(tmp_path / "validation" / "validation.parquet").num_rows == pytest.approx(
        0.3 * ROWS, abs=spread(project.contract, 0.3)
    )
    with pytest.raises(UserError, match="twentieths"):
        preprocess.main(fit_arguments(project.contract_file, project / "training", tmp_path, "--test-share", "0.9"))
