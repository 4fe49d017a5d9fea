"""Every input that a job refuses: one sentence that names file, column, row and remedy, and no output."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlops_jobs.errors import run_job
from support import apply_arguments, contract_of, files_in, fit_arguments, predict_arguments, put, refusal

import evaluate
import model_quality
import predict
import preprocess
from model import Estimator

HEADER = "flat;floor area;split;district;remark;price in $\n"
ROWS = [f"f{row};{row % 7 + 1};{row * 0.5};{'AB'[row % 2]};-;{row * 3 + 1}\n" for row in range(40)]
GOOD = HEADER + "".join(ROWS)


def with_row(text, row=4):
    return HEADER + "".join([*ROWS[: row - 1], f"{text}\n", *ROWS[row:]])


FIT = {
    "a missing column": (GOOD.replace(";split;", ";"), "column 'split' is missing in the header; add it"),
    "an extra column": (GOOD.replace("\n", ";1\n"), "column '1' is not in the contract; remove it, or add it"),
    "a column twice": (GOOD.replace("\n", ";remark\n"), "column 'remark' is in the header twice; rename or remove"),
    "text in a numeric column": (
        with_row("f3;4;wide;A;-;1"),
        "row 4 (line 5), column 'split': 'wide' is not a number; correct it, or add it to csv.missing",
    ),
    "an infinite cell": (
        with_row("f3;4;inf;A;-;1"),
        "row 4 (line 5), column 'split': 'inf' is infinite or too large; correct it or leave the cell empty",
    ),
    "a cell beyond float32": (with_row("f3;4;-1e39;A;-;1"), "column 'split': '-1e39' is infinite or too large"),
    "a NaN that is not listed": (with_row("f3;4;NAN;A;-;1"), "column 'split': 'NAN' is not a number; correct it"),
    "an infinite target": (
        with_row("f3;4;1;A;-;Infinity"),
        "row 4 (line 5), column 'price in $': 'Infinity' is infinite",
    ),
    "a missing target": (
        with_row("f3;4;1;A;-;"),
        "row 4 (line 5), column 'price in $': the target is missing; fill it in or remove the row",
    ),
    "an empty file": ("", "is empty; give a file with rows"),
    "a file of blank lines": ("\n\n", "is empty; give a file with rows"),
    "the header again": (
        with_row(HEADER.strip()),
        "row 4 (line 5): repeats the column names; remove the row",
    ),
    "a header only": (HEADER, "has a header and no row below it; add rows or remove the file"),
    "an id twice": (
        with_row(" f1 ;4;1;A;-;1"),
        "row 4 (line 5), column 'flat': the id 'f1' is also in row 2 of rows.csv; ids must be unique",
    ),
    "a missing id": (with_row(" ;4;1;A;-;1"), "row 4 (line 5), column 'flat': the id is missing; every row needs one"),
    "a wrong delimiter": (
        GOOD.replace(";", "|"),
        "row 1 has no ';' and many '|'; set csv.delimiter to '|' in the contract or save the file with ';'",
    ),
    "a row with too few cells": (
        with_row("f3;4;1;A;-"),
        "row 4 (line 5): has 5 cells and not 6; correct the row, or quote a cell that holds a ';'",
    ),
    "a row with too many cells": (with_row("f3;4;1;A;-;1;2"), "row 4 (line 5): has 7 cells and not 6; correct the row"),
    "bytes that are not UTF-8": (
        with_row("f3;4;1;\u00c9;-;1").encode("latin-1"),
        "line 5 is not UTF-8 (in Windows-1252 it reads 'f3;4;1;É;-;1'); save the file in UTF-8 (iconv -f WINDOWS-1252",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "line 1 is not UTF-8 but UTF-16; save the file in UTF-8 (iconv -f UTF-16"),
    "a column without a number": (
        HEADER + "".join(f"f{row};;1;A;-;{row}\n" for row in range(40)),
        "column 'floor area' holds no number in the training split; fill it, or give it the role ignored",
    ),
}


@pytest.mark.parametrize("fault", FIT)
def test_fit_refuses(tmp_path, fault):
    content, sentence = FIT[fault]
    path = put(tmp_path / "in" / "rows.csv", content)
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert sentence in refused
    assert (str(path) if fault != "a column without a number" else str(tmp_path / "in")) in refused


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "31/02/2024 10:00,yes,1,1990-01-01,no",
            "column 'booked on': '31/02/2024 10:00' is not a date of the form %d/%m/%Y %H:%M; correct it, or the",
        ),
        (
            "28/02/2024 10:00,maybe,1,1990-01-01,no",
            "column 'paid': 'maybe' is not a truth value: true or false, yes or",
        ),
        ("NA,,1,1.2.1990,no", "column 'born': '1.2.1990' is not a date or time of ISO 8601, such as 2024-01-31 or"),
    ],
)
def test_fit_refuses_a_cell_that_is_no_date_or_no_truth_value(project_named, tmp_path, row, sentence):
    rows = (project_named("rides") / "training" / "training-data.csv").read_text(encoding="utf-8").splitlines()
    put(tmp_path / "in" / "rows.csv", "\n".join([*rows[:4], row, *rows[5:], ""]))
    contract = put(tmp_path / "dataset.yaml", contract_of("rides").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert f"rows.csv: row 4 (line 5), {sentence}" in refused


def test_fit_refuses_bytes_that_are_not_utf_8_far_down_a_file(tmp_path):
    rows = "".join(f"f{row};1;1;A;-;1\n" for row in range(9000)).encode() + b"g;1;1;\xc9;-;1\n"
    put(tmp_path / "in" / "rows.csv", HEADER.encode() + rows)
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert (
        "rows.csv: line 9002 is not UTF-8 (in Windows-1252 it reads 'g;1;1;É;-;1'); save the file in UTF-8" in refused
    )


def test_fit_refuses_an_id_that_stands_in_two_files(tmp_path):
    put(tmp_path / "in" / "a.csv", HEADER + "".join(ROWS[:20]))
    put(tmp_path / "in" / "b.csv", HEADER + "".join([*ROWS[20:], "f7 ;1;1;A;-;1\n"]))
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert "b.csv: row 21 (line 22), column 'flat': the id 'f7' is also in row 8 of a.csv; ids must be" in refused


def test_fit_refuses_fewer_rows_than_the_split_needs(tmp_path):
    put(tmp_path / "in" / "rows.csv", HEADER + "".join(ROWS[:19]))
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert f"{tmp_path / 'in'}: has 19 rows and the split needs 20; add rows" in refused


def test_fit_refuses_a_folder_without_files(tmp_path):
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    arguments = fit_arguments(contract, tmp_path / "in", tmp_path / "out")
    assert f"{tmp_path / 'in'}: is not a folder" in refusal(preprocess.main, arguments, tmp_path / "out")
    put(tmp_path / "in" / ".gitkeep", "")
    refused = refusal(preprocess.main, arguments, tmp_path / "out")
    assert "holds no .csv file; put the data there" in refused


@pytest.mark.parametrize("stray", ["more/rows.csv", "rows.txt"])
def test_a_file_that_would_be_left_out_in_silence_is_refused(project_named, tmp_path, stray):
    project = project_named("prices")
    shutil.copytree(project / "inference", tmp_path / "in")
    put(tmp_path / "in" / stray, "1")
    refused = refusal(
        predict.main, predict_arguments(tmp_path / "in", project / "model", tmp_path / "out"), tmp_path / "out"
    )
    assert f"{tmp_path / 'in' / stray.split('/')[0]}: is not a .csv or .parquet file; put" in refused


def test_an_ending_in_capitals_is_an_ending(project_named, tmp_path):
    project = project_named("prices")
    (tmp_path / "in").mkdir()
    shutil.copy(project / "inference" / "inference-data.csv", tmp_path / "in" / "ROWS.CSV")
    predict.main(predict_arguments(tmp_path / "in", project / "model", tmp_path / "out"))
    expected = project / "predictions" / "inference-data.csv"
    assert (tmp_path / "out" / "ROWS.csv").read_bytes() == expected.read_bytes()


def test_a_job_does_not_write_where_it_reads(project_named, tmp_path):
    project = project_named("prices")
    shutil.copytree(project / "inference", tmp_path / "in")
    before = {path: path.read_bytes() for path in files_in(tmp_path / "in")}
    with pytest.raises(SystemExit, match="is read by this job, so it cannot write there too; give another folder"):
        run_job(lambda: predict.main(predict_arguments(tmp_path / "in", project / "model", tmp_path / "in")))
    assert {path: path.read_bytes() for path in files_in(tmp_path / "in")} == before


def test_a_refused_run_does_not_leave_what_an_earlier_run_wrote(project_named, tmp_path):
    project = project_named("prices")
    shutil.copytree(project / "inference", tmp_path / "in")
    arguments = predict_arguments(tmp_path / "in", project / "model", tmp_path / "out")
    predict.main(arguments)
    assert files_in(tmp_path / "out")
    for path in files_in(tmp_path / "in"):
        path.write_text("broken", encoding="utf-8")
    refusal(predict.main, arguments, tmp_path / "out")


CLASSES = {
    "one class only": ("churn", lambda row: "leaves", "column 'churned' holds one class only ('leaves'); add rows"),
    "a third class": (
        "churn",
        lambda row: ("leaves", "stays", "waits")[row % 3],
        "column 'churned' holds 3 classes (leaves, stays, waits ...) and problem_type is binary; set it to multiclass",
    ),
    "another positive class": (
        "churn",
        lambda row: ("0", "1")[row % 2],
        "column 'churned' never holds the positive_class 'leaves' of the contract but 0 and 1; correct one of them",
    ),
    "a class too rare to split": (
        "churn",
        lambda row: "stays" if row in (3, 9) else "leaves",
        "column 'churned' holds the class 'stays' in 2 rows and the split needs 3; add rows of that class or remove it",
    ),
    "a missing class": (
        "churn",
        lambda row: "  " if row == 4 else "leaves",
        "row 5 (line 5), column 'churned': the target",
    ),
    "a quantity for a class": (
        "churn",
        lambda row: row,
        "column 'churned' holds more than 1000 classes; set problem_type to regression in the contract if it is a",
    ),
}


def test_fit_refuses_a_weight_for_a_class_that_no_row_holds(tmp_path):
    contract = replace(contract_of("churn"), class_weights=(("leafs", 2.0),))
    put(tmp_path / "in" / "rows.csv", "".join(f"{('leaves', 'stays')[row % 2]},{row}\n" for row in range(60)))
    put(tmp_path / "dataset.yaml", contract.to_yaml())
    arguments = fit_arguments(tmp_path / "dataset.yaml", tmp_path / "in", tmp_path / "out")
    refused = refusal(preprocess.main, arguments, tmp_path / "out")
    assert (
        "class_weights of the contract has the class 'leafs', which no row holds; the classes are stays, leaves;"
        in refused
    )


FIRST_ROW = {"a class too rare to split": 4, "a third class": 3, "a quantity for a class": 1001}


@pytest.mark.parametrize("fault", CLASSES)
def test_fit_refuses_classes(tmp_path, fault):
    name, label, sentence = CLASSES[fault]
    put(tmp_path / "in" / "rows.csv", "".join(f"{label(row)},{row}\n" for row in range(1200)))
    contract = put(tmp_path / "dataset.yaml", contract_of(name).to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert sentence in refused
    if row := FIRST_ROW.get(fault):
        assert f"(first in {tmp_path / 'in' / 'rows.csv'}: row {row} (line {row}))" in refused


def test_fit_refuses_free_text_for_a_category(tmp_path, monkeypatch):
    monkeypatch.setattr("mlops_jobs.fitting.MAX_CATEGORIES", 30)
    rows = "".join(f"f{row};1;1;text {row};-;{row}\n" for row in range(40))
    put(tmp_path / "in" / "rows.csv", HEADER + rows)
    contract = put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    refused = refusal(preprocess.main, fit_arguments(contract, tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert (
        "column 'district' holds more than 30 distinct texts, too many for a category; give it the role ignored"
        in refused
    )


PREDICT = {
    "the target": (
        "flat;floor area;split;district;remark;price in $\nf1;1;1;A;-;1\n",
        "column 'price in $' is the target, which a file to predict does not have; remove it",
    ),
    "text in a numeric column": (
        "flat;floor area;split;district;remark\nf1;1;1;A;-\nf2;x;1;A;-\n",
        "row 2 (line 3), column 'floor area': 'x' is not a number",
    ),
    "an id twice": (
        "flat;floor area;split;district;remark\nf1;1;1;A;-\nf1;2;1;A;-\n",
        "row 2 (line 3), column 'flat': the id 'f1' is also in row 1 of rows.csv",
    ),
    "an id with a line break": (
        'flat;floor area;split;district;remark\n"f1\n";1;1;A;-\n',
        "row 1 (line 3), column 'flat': the cell spans several lines; remove its line breaks",
    ),
}


@pytest.mark.parametrize("fault", PREDICT)
def test_predict_and_apply_refuse_a_file_with(project_named, tmp_path, fault):
    content, sentence = PREDICT[fault]
    good = "flat;floor area;split;district;remark\nf1;1;1;A;-\n"
    put(tmp_path / "in" / "a good file that comes first.csv", good)
    path = put(tmp_path / "in" / "rows.csv", content)
    model, out = project_named("prices") / "model", tmp_path / "out"
    for refused in (
        refusal(predict.main, predict_arguments(tmp_path / "in", model, out), out),
        refusal(preprocess.main, apply_arguments(tmp_path / "in", model, out), out),
        refusal(preprocess.main, apply_arguments(tmp_path / "in", model, out, "--format", "csv"), out),
    ):
        assert f"{path}: {sentence}" in refused


def test_a_file_without_header_needs_as_many_columns_as_the_contract(project_named, tmp_path):
    put(tmp_path / "in" / "rows.csv", "1,2\n")
    arguments = predict_arguments(tmp_path / "in", project_named("churn") / "model", tmp_path / "out")
    refused = refusal(predict.main, arguments, tmp_path / "out")
    assert "rows.csv: row 1 has 2 columns and not 1 (calls); correct the file or the contract" in refused


def test_predict_refuses_features_of_another_preprocessor(project_named, tmp_path):
    arguments = predict_arguments(project_named("sizes") / "features", project_named("prices") / "model", tmp_path)
    refused = refusal(predict.main, arguments, tmp_path)
    assert "inference-data.parquet: was made by another preprocessor than the model's; make it again" in refused


def test_predict_refuses_a_folder_with_nothing_to_predict_or_one_name_twice(project_named, tmp_path):
    model = project_named("churn") / "model"
    refused = refusal(predict.main, predict_arguments(tmp_path / "in", model, tmp_path / "out"), tmp_path / "out")
    assert "is not a folder" in refused
    put(tmp_path / "in" / "a.csv", "1\n")
    put(tmp_path / "in" / "a.parquet", "1")
    refused = refusal(predict.main, predict_arguments(tmp_path / "in", model, tmp_path / "out"), tmp_path / "out")
    assert "a.csv and a.parquet would have results of one name; remove or rename one" in refused


def spoiled(artifact, folder, name, content):
    """A copy of an artifact with one member replaced, or taken away."""
    shutil.copytree(artifact, folder)
    (folder / name).unlink()
    if content is not None:
        put(folder / name, content)
    return folder


ARTIFACT = {
    "no model": (
        Estimator.FILE,
        None,
        f"holds no {Estimator.FILE}, neither as a file nor in a model.tar.gz; give the folder",
    ),
    "no preprocessor": ("preprocessor.json", None, "holds no preprocessor.json"),
    "no contract": ("dataset.yaml", None, "holds no dataset.yaml"),
    "a corrupt model": (Estimator.FILE, b"{no model", f"cannot read {Estimator.FILE}; train again with train.py"),
    "a corrupt preprocessor": ("preprocessor.json", b'{"features": [', "the preprocessor cannot be read"),
    "a preprocessor that is no mapping": ("preprocessor.json", b"[]", "the preprocessor cannot be read"),
    "a corrupt contract": ("dataset.yaml", b"\xff\xfe: [", "is not YAML"),
    "a model that is no archive": ("model.tar.gz", b"no archive", "neither as a file nor in a model.tar.gz"),
}


@pytest.mark.parametrize("fault", ARTIFACT)
def test_predict_refuses_an_artifact_with(project_named, tmp_path, fault):
    project = project_named("prices")
    name, content, sentence = ARTIFACT[fault]
    shutil.copytree(project / "model", tmp_path / "whole")
    put(tmp_path / "whole" / "model.tar.gz", "") if name == "model.tar.gz" else None
    artifact = spoiled(tmp_path / "whole", tmp_path / "model", name, content)
    refused = refusal(
        predict.main, predict_arguments(project / "inference", artifact, tmp_path / "out"), tmp_path / "out"
    )
    assert f"{artifact}: " in refused
    assert sentence in refused


def test_an_archive_that_was_cut_short_is_refused(project_named, tmp_path):
    project = project_named("prices")
    packed = shutil.make_archive(str(tmp_path / "model"), "gztar", project / "model")
    put(tmp_path / "cut" / "model.tar.gz", Path(packed).read_bytes()[:2000])
    arguments = predict_arguments(project / "inference", tmp_path / "cut", tmp_path / "out")
    assert "give the folder of a trained model" in refusal(predict.main, arguments, tmp_path / "out")


def test_parts_of_two_artifacts_do_not_make_one(project_named, tmp_path):
    prices, sizes = project_named("prices"), project_named("sizes")
    for name, part, sentence in (
        ("preprocessor.json", sizes / "model" / "preprocessor.json", "was fitted on the columns fabric, cut and the"),
        (Estimator.FILE, sizes / "model" / Estimator.FILE, "was trained on other columns than preprocessor.json has"),
    ):
        artifact = spoiled(prices / "model", tmp_path / name, name, part.read_bytes())
        arguments = predict_arguments(prices / "inference", artifact, tmp_path / "out")
        assert sentence in refusal(predict.main, arguments, tmp_path / "out")


def test_evaluate_refuses_a_class_that_the_model_does_not_know(project_named, tmp_path):
    project = project_named("sizes")
    put(tmp_path / "test" / "test.csv", "shirt,fabric,class,cut\ns1,A,huge,B\n")
    arguments = ["--test-dir", str(tmp_path / "test"), "--model-dir", str(project / "model")]
    refused = refusal(evaluate.main, [*arguments, "--output-dir", str(tmp_path / "out")], tmp_path / "out")
    assert "test.csv: row 1 (line 2), column 'class': 'huge' is not a class of the model (high, low, medium)" in refused


def test_an_earlier_runs_results_do_not_outlive_a_refusal(project_named, tmp_path):
    project = project_named("prices")
    preprocess.main(fit_arguments(project.contract_file, project / "training", tmp_path / "out"))
    assert files_in(tmp_path / "out")
    put(tmp_path / "in" / "rows.csv", HEADER + "".join(ROWS[:5]))
    preprocess_again = fit_arguments(project.contract_file, tmp_path / "in", tmp_path / "out")
    refusal(preprocess.main, preprocess_again, tmp_path / "out" / "test", tmp_path / "out" / "baseline")
    labels = put(tmp_path / "labels" / "rows.csv", "flat;price in $\nf1;\n").parent
    put(tmp_path / "verdict" / "verdict.json", "{}")
    judging = ["--predictions-dir", str(project / "predictions"), "--labels-dir", str(labels)]
    judging += ["--contract", str(project.contract_file), "--output-dir", str(tmp_path / "verdict")]
    refusal(model_quality.main, judging, tmp_path / "verdict")


def test_a_crash_keeps_its_traceback_and_leaves_as_little_as_a_refusal(project_named, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(predict, "as_table", broken)
    project = project_named("churn")
    with pytest.raises(ZeroDivisionError):
        run_job(lambda: predict.main(predict_arguments(project / "inference", project / "model", tmp_path)))
    assert files_in(tmp_path) == []
