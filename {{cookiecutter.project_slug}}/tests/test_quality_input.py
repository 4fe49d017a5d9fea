import json
from dataclasses import replace

import pandas as pd
import pytest
from mlops_jobs.artifact import load_fitted
from mlops_jobs.monitor_files import unmarked
from mlops_jobs.monitor_names import unescaped
from support import INFERENCE_ROWS, batch_transform, files_in, put, quality_arguments, refusal

import quality_input


def test_the_features_of_what_was_predicted_stand_in_the_columns_of_the_baseline(project, tmp_path, capsys):
    contract = project.contract
    quality_input.main(quality_arguments(project, project / "inference", project / "predictions", tmp_path))
    assert capsys.readouterr().out.splitlines()[-1] == f"rows: {INFERENCE_ROWS}"
    table = pd.read_csv(tmp_path / "inference-data.csv", skip_blank_lines=False)
    baseline = pd.read_csv(project / "baseline" / "baseline.csv")
    assert list(table.columns) == list(baseline.columns)
    table = table.rename(columns=unescaped)
    for name in contract.categorical:
        table[name] = table[name].map(unmarked, na_action="ignore")
    inputs = pd.read_csv(
        project / "inference" / "inference-data.csv",
        sep=contract.delimiter,
        names=contract.file_columns(labelled=False),
        header=0 if contract.header else None,
        skip_blank_lines=False,
        decimal=contract.decimal,
        thousands=contract.thousands,
        dtype=dict.fromkeys(contract.categorical, str),
    )
    for name in {*contract.numeric, *contract.categorical} - set(contract.added):
        pd.testing.assert_series_equal(table[name], inputs[name])


def test_predictions_of_a_batch_transform_serve_as_well(project, tmp_path):
    transformed = batch_transform(project, tmp_path)
    for predictions, out in ((project / "predictions", tmp_path / "predicted"), (transformed, tmp_path / "out")):
        quality_input.main(quality_arguments(project, project / "inference", predictions, out))
    [predicted], [found] = files_in(tmp_path / "predicted"), files_in(tmp_path / "out")
    assert found.name == predicted.name
    assert found.read_bytes() == predicted.read_bytes()


def test_each_input_file_has_its_own(project_named, tmp_path):
    project = project_named("churn")
    for name, rows in (("a", 2), ("b", 3)):
        put(tmp_path / "in" / f"{name}.csv", "1.5\n" * rows)
        put(tmp_path / "predictions" / f"{name}.csv", "prediction\n" + "leaves\n" * rows)
    quality_input.main(quality_arguments(project, tmp_path / "in", tmp_path / "predictions", tmp_path / "out"))
    assert [len(pd.read_csv(path)) for path in files_in(tmp_path / "out")] == [2, 3]


PRICES = "flat;floor area;split;district;remark\nf1;1;1;A;-\n f2;2;;B;-\n"
OTHER = {
    "of other rows": ("flat,prediction\nf1,1\nf3,2\n", "has other ids than"),
    "in another order": ("flat,prediction\nf2,1\nf1,2\n", "has other ids than"),
    "of fewer rows": ("flat,prediction\nf1,1\n", "has 1 rows and"),
    "of more rows": ("flat,prediction\nf1,1\nf2,2\nf3,3\n", "has 3 rows and"),
    "without ids": ("prediction\n1\n2\n", "has rows without 'flat'; predict its input again under this contract"),
    "of no number": ("flat,prediction\nf1,high\nf2,2\n", "cannot be read as predictions"),
}


@pytest.mark.parametrize("fault", OTHER)
def test_predictions_are_refused(project_named, tmp_path, fault):
    content, sentence = OTHER[fault]
    put(tmp_path / "in" / "rows.csv", PRICES)
    path = put(tmp_path / "predictions" / "rows.csv", content)
    job = quality_arguments(project_named("prices"), tmp_path / "in", path.parent, tmp_path / "out")
    refused = refusal(quality_input.main, job, tmp_path / "out")
    assert f"{path}: {sentence}" in refused
    assert "predict" in refused


ANSWERS = {
    "cut short": ('{"flat": "f1", "prediction": 1.5}\n{"flat": "f2", "pred', "cannot be read as predictions"),
    "of an array": ("[1.5, 2.5]\n", "cannot be read as predictions"),
    "of no number": ('{"flat": "f1", "prediction": "high"}\n', "cannot be read as predictions"),
    "without ids": ('{"prediction": 1.5}\n{"prediction": 2.5}\n', "has rows without 'flat'"),
    "of fewer rows": ('{"flat": "f1", "prediction": 1.5}\n', "has 1 rows and"),
}


@pytest.mark.parametrize("fault", ANSWERS)
def test_answers_of_a_batch_transform_are_refused(project_named, tmp_path, fault):
    content, sentence = ANSWERS[fault]
    put(tmp_path / "in" / "rows.csv", PRICES)
    path = put(tmp_path / "transformed" / "rows.csv.out", content)
    job = quality_arguments(project_named("prices"), tmp_path / "in", path.parent, tmp_path / "out")
    refused = refusal(quality_input.main, job, tmp_path / "out")
    assert f"{path.parent / 'rows.csv'}" in refused
    assert sentence in refused


@pytest.mark.parametrize("count", [1, 3])
def test_without_ids_the_counts_are_checked(project_named, tmp_path, count):
    put(tmp_path / "in" / "rows.csv", "1\n2\n")
    put(tmp_path / "predictions" / "rows.csv", "prediction\n" + "leaves\n" * count)
    job = quality_arguments(project_named("churn"), tmp_path / "in", tmp_path / "predictions", tmp_path / "out")
    refused = refusal(quality_input.main, job, tmp_path / "out")
    assert f"has {count} rows and" in refused
    assert "predict the file again" in refused


def test_inputs_without_predictions_are_refused(project_named, tmp_path):
    put(tmp_path / "in" / "rows.csv", "1\n2\n")
    job = quality_arguments(project_named("churn"), tmp_path / "in", tmp_path / "none", tmp_path / "out")
    refused = refusal(quality_input.main, job, tmp_path / "out")
    assert "rows.csv: does not exist; predict its input with predict.py first" in refused


# What the model cannot use is counted

SUGGESTED = {
    "features": [
        {"name": "split", "completeness": 1.0, "num_constraints": {"is_non_negative": True}},
        {"name": "district", "completeness": 0.9, "string_constraints": {"domains": ["A", "B"]}},
    ],
    "monitoring_config": {"datatype_check_threshold": 1.0, "domain_content_threshold": 1.0},
}


def counted(project, folder, rows):
    """The file of counts of a batch, and the constraints that the check is to use."""
    put(folder / "in" / "rows.csv", f"flat;floor area;split;district;remark\n{rows}")
    flats = [line.split(";")[0] for line in rows.splitlines()]
    put(folder / "predictions" / "rows.csv", "flat,prediction\n" + "".join(f"{flat},1\n" for flat in flats))
    put(folder / "baseline" / "constraints.json", json.dumps(SUGGESTED))
    more = [text for name in ("counts", "baseline", "constraints") for text in (f"--{name}-dir", str(folder / name))]
    quality_input.main(quality_arguments(project, folder / "in", folder / "predictions", folder / "out", *more))
    files = (folder / "counts" / "rows.json", folder / "constraints" / "constraints.json")
    return [json.loads(path.read_text("utf-8")) for path in files]


def test_unseen_missing_and_negative_cells_are_counted_beside_what_is_normal(project_named, tmp_path, capsys):
    project = project_named("prices")
    rows = "f1;1;1;A;-\nf2;?;2;Z 1;-\nf3;-9;3;Z 1;-\nf4;;4;;-\n"
    counts, _ = counted(project, tmp_path, rows)
    expected = load_fitted(project / "model")[1].expected
    assert counts["rows"] == 4
    assert counts["checks"] == 4 + len(expected.non_negative), "missing cells of three columns, unseen ones of one"
    found = {(entry["check"], entry["column"]): entry for entry in counts["counts"]}
    assert {place: entry["count"] for place, entry in found.items() if place[0] != "negative"} == {
        ("missing", "floor area"): 2,
        ("missing", "district"): 1,
        ("unseen", "district"): 2,
    }
    unseen = found["unseen", "district"]
    assert (unseen["share"], (unseen["expected"], unseen["expected_rows"])) == (0.5, expected.unseen["district"])
    assert (unseen["examples"], unseen["known"]) == (["Z 1"], ["A"])
    assert "district: unseen 2 (50.0%)" in capsys.readouterr().out


def test_a_category_that_training_has_in_another_spelling_is_counted_apart_and_not_as_unseen(project_named, tmp_path):
    project = project_named("prices")
    counts, _ = counted(project, tmp_path, "f1;1;1;A;-\nf2;2;2;a;-\nf3;3;3;Z 1;-\nf4;4;4;a;-\n")
    assert load_fitted(project / "model")[1].expected.respelled == {}
    found = {entry["check"]: entry for entry in counts["counts"]}
    assert {check: entry["count"] for check, entry in found.items()} == {"respelled": 2, "unseen": 1}
    respelled = found["respelled"]
    assert (respelled["examples"], respelled["known"], respelled["expected"]) == (["a"], ["A"], 0)
    assert respelled["expected_rows"] > 0


def test_the_constraints_leave_to_the_counts_what_a_healthy_batch_breaks_by_chance(project_named, tmp_path):
    _, constraints = counted(project_named("prices"), tmp_path, "f1;1;1;A;-\n")
    assert constraints["features"] == [
        {"name": "split", "completeness": 0.0, "num_constraints": {"is_non_negative": False}},
        {"name": "district", "completeness": 0.0},
    ]
    assert constraints["monitoring_config"]["datatype_check_threshold"] == 0.5


def test_a_model_of_an_older_release_is_checked_as_it_was(project_named, tmp_path):
    project = project_named("prices")
    contract, preprocessor = load_fitted(project / "model")
    rows = "flat;floor area;split;district;remark\nf1;1;1; 00060;-\n"
    put(tmp_path / "in" / "rows.csv", rows)
    put(tmp_path / "predictions" / "rows.csv", "flat,prediction\nf1,1\n")
    put(tmp_path / "baseline" / "constraints.json", json.dumps(SUGGESTED))
    folders = quality_input.Folders(
        tmp_path / "in", tmp_path / "predictions", tmp_path / "out", None, tmp_path / "baseline", tmp_path / "used"
    )
    quality_input.quality_input(folders, contract, replace(preprocessor, expected=None))
    assert json.loads((tmp_path / "used" / "constraints.json").read_text("utf-8")) == SUGGESTED
    assert (tmp_path / "out" / "rows.csv").read_text("utf-8").splitlines()[1] == '1,1," 00060"'


def test_a_baseline_without_constraints_is_refused(project_named, tmp_path):
    put(tmp_path / "in" / "rows.csv", PRICES)
    put(tmp_path / "predictions" / "rows.csv", "flat,prediction\nf1,1\nf2,2\n")
    more = ["--baseline-dir", str(tmp_path / "none"), "--constraints-dir", str(tmp_path / "constraints")]
    job = quality_arguments(project_named("prices"), tmp_path / "in", tmp_path / "predictions", tmp_path / "out", *more)
    assert "holds no constraints.json of the model monitor" in refusal(quality_input.main, job, tmp_path / "out")
