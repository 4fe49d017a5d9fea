import json

import numpy as np
import pandas as pd
import pytest
from mlops_jobs.errors import UserError
from sklearn import metrics as sk
from support import INFERENCE_ROWS, batch_transform, files_in, put, refusal, verdict_arguments

import model_quality


def verdict_of(*job):
    model_quality.main(verdict_arguments(*job))
    return json.loads((job[3] / "verdict.json").read_text(encoding="utf-8"))


def test_labels_that_meet_the_threshold_pass_and_others_are_a_violation(project, tmp_path, capsys):
    inputs = (project, project / "predictions", project / "labels", tmp_path)
    first = verdict_of(*inputs)
    assert first["rows"] == dict.fromkeys(("predicted", "labelled", "matched"), INFERENCE_ROWS)
    assert (first["metric"], first["threshold"]) == (project.contract.metric, project.contract.threshold)
    better = -0.01 if project.contract.main_metric.lower_is_better else 0.01
    for threshold, kind in ((first["value"], "PASS"), (first["value"] + better, "VIOLATION")):
        found = verdict_of(*inputs, "--threshold", repr(threshold))
        assert (found["verdict"], found["threshold"], found["value"]) == (kind, threshold, first["value"])
        assert capsys.readouterr().out.splitlines()[-1].startswith(f"{kind}: {first['metric']} ")


def test_the_value_is_scikit_learns(project_named, tmp_path):
    project = project_named("prices")
    labels = pd.read_csv(project / "labels" / "ground-truth.csv", sep=";").set_index("flat")["price in $"]
    predictions = pd.read_csv(project / "predictions" / "inference-data.csv").set_index("flat")["prediction"]
    found = verdict_of(project, project / "predictions", project / "labels", tmp_path)
    assert found["value"] == pytest.approx(sk.mean_absolute_error(labels, predictions.loc[labels.index]))


def test_predictions_of_a_batch_transform_are_judged_the_same(project, tmp_path):
    transformed = batch_transform(project, tmp_path)
    found = verdict_of(project, transformed, project / "labels", tmp_path / "out")
    assert found == verdict_of(project, project / "predictions", project / "labels", tmp_path / "out")


def test_two_predictions_of_the_same_rows_are_refused(project_named, tmp_path):
    project = project_named("churn")
    put(tmp_path / "predictions" / "a.csv", "prediction\nleaves\n")
    put(tmp_path / "predictions" / "a.csv.out", '{"prediction": "leaves"}\n')
    job = verdict_arguments(project, tmp_path / "predictions", project / "labels", tmp_path / "out")
    assert "a.csv and a.csv.out would have results of one name" in refusal(model_quality.main, job, tmp_path / "out")


@pytest.mark.parametrize("labels", ["left out", "empty"])
def test_without_labels_there_is_nothing_to_judge(project, tmp_path, capsys, labels):
    (tmp_path / "empty").mkdir()
    folder = None if labels == "left out" else tmp_path / labels
    found = verdict_of(project, project / "predictions", folder, tmp_path / "out")
    assert (found["verdict"], found["value"]) == ("NO_LABELS", None)
    assert found["rows"] == {"predicted": INFERENCE_ROWS, "labelled": 0, "matched": 0}
    assert capsys.readouterr().out.splitlines()[-1].startswith("NO_LABELS: ")


PREDICTIONS = "flat,prediction\nf1,10\nf2,20\nf3,30\nf4,40\n"


def test_by_id_labels_may_be_shuffled_partial_of_other_rows_and_in_several_files(project_named, tmp_path):
    project = project_named("prices")
    put(tmp_path / "predictions" / "a.csv", PREDICTIONS)
    put(tmp_path / "predictions" / "b.csv", "flat,prediction\nf5,50\n")
    put(tmp_path / "labels" / "late.csv", "price in $;flat\n33; f3 \n99;f9\n")
    put(tmp_path / "labels" / "later.csv", "flat;price in $\nf5;51\nf1;10\n")
    found = verdict_of(project, tmp_path / "predictions", tmp_path / "labels", tmp_path / "out")
    assert found["rows"] == {"predicted": 5, "labelled": 4, "matched": 3}
    assert found["value"] == pytest.approx(np.mean([3, 1, 0]))
    assert found["verdict"] == "PASS"


def test_a_folder_of_labels_that_does_not_exist_is_refused_and_no_missing_label(project, tmp_path):
    with pytest.raises(UserError, match="not there: is not a folder"):
        verdict_of(project, project / "predictions", tmp_path / "not there", tmp_path / "out")


@pytest.mark.parametrize("threshold", ["nan", "-1", "0"])
def test_a_threshold_out_of_range_is_refused(project, tmp_path, threshold):
    if project.contract.main_metric.is_own and threshold != "nan":
        pytest.skip("any finite number may be the threshold of an own metric")
    job = ["--predictions-dir", str(project / "predictions"), "--contract", str(project.contract_file)]
    job += ["--output-dir", str(tmp_path / "out"), "--threshold", threshold]
    assert "is out of range for" in refusal(model_quality.main, job, tmp_path / "out")


def test_by_order_files_join_by_their_names(project_named, tmp_path):
    project = project_named("churn")
    scored = "prediction,probability_not leaves,probability_leaves\n"
    put(tmp_path / "predictions" / "a.csv", scored + "leaves,0,1\nnot leaves,1,0\n")
    put(tmp_path / "predictions" / "b.csv", scored + "leaves,0.25,0.75\n")
    put(tmp_path / "labels" / "a.csv", "leaves\nleaves \n")
    put(tmp_path / "labels" / "b.csv", '"leaves"\n')
    found = verdict_of(project, tmp_path / "predictions", tmp_path / "labels", tmp_path / "out")
    assert found["rows"] == {"predicted": 3, "labelled": 3, "matched": 3}
    assert found["value"] == pytest.approx(0.8)


def judged(project, folder, predicted, labelled):
    """The verdict on predictions and labels with these ids; each prediction is off by one."""
    rows = [f"{text},{number}" for number, text in enumerate(predicted)]
    put(folder / "predictions" / "a.csv", "\n".join(["flat,prediction", *rows]) + "\n")
    labels = [f"{text};1" for text in labelled]
    put(folder / "labels" / "a.csv", "\n".join(["flat;price in $", *labels]) + "\n")
    return verdict_of(project, folder / "predictions", folder / "labels", folder / "out")


def test_labels_of_other_rows_only_match_nothing_and_an_id_of_each_side_is_named(project_named, tmp_path, capsys):
    found = judged(project_named("prices"), tmp_path, ["f1", "f2", "f3", "f4"], ["f8", "f9"])
    assert (found["verdict"], found["value"]) == ("NO_MATCH", None)
    assert found["rows"] == {"predicted": 4, "labelled": 2, "matched": 0}
    assert found["reason"].startswith(
        "0 of 2 labels match a prediction; for example 'f1' was predicted and 'f8' is a label: check that the labels "
    )
    assert capsys.readouterr().out.splitlines()[-1].endswith("; 0 of 4 predictions have a label")


SPELLINGS = {
    "leading zeros were lost": lambda number: (f"{number:04d}", str(number)),
    "one was taken for a number": lambda number: (str(number), f"{number}.0"),
    "upper and lower case differ": lambda number: (f"a{number}", f"A{number}"),
    "blanks differ": lambda number: (f"a {number}", f"a  {number}"),
}


@pytest.mark.parametrize("cause", SPELLINGS)
def test_ids_that_are_written_in_another_way_are_no_match_and_the_cause_is_named(project_named, tmp_path, cause):
    ids = [SPELLINGS[cause](number) for number in range(10, 40)]
    found = judged(project_named("prices"), tmp_path, *map(list, zip(*ids, strict=True)))
    assert found["verdict"] == "NO_MATCH"
    ours, theirs = ids[0]
    assert f"{ours!r} was predicted and {theirs!r} is a label: {cause}" in found["reason"]
    assert found["rows"] == {"predicted": 30, "labelled": 30, "matched": 0, "nearly_matched": 30}


def test_where_some_ids_look_the_same_without_their_zeros_most_decide(project_named, tmp_path, capsys):
    numbers = range(900, 1100)
    ids = [f"{number:04d}" for number in numbers], [str(number) for number in numbers]
    found = judged(project_named("prices"), tmp_path, *ids)
    assert (found["verdict"], found["rows"]["matched"], found["rows"]["nearly_matched"]) == ("VIOLATION", 100, 100)
    assert "100 of 200 predictions have a label, 100 more but for zeros, blanks or case" in capsys.readouterr().out
    found = judged(project_named("prices"), tmp_path, *(side[:-10] for side in ids))
    assert (found["verdict"], found["rows"]["matched"], found["rows"]["nearly_matched"]) == ("NO_MATCH", 90, 100)


@pytest.mark.parametrize(
    ("predicted", "labelled", "judged_by_them"),
    [
        ((0, 200), (0, 5), True),  # the first labels
        ((0, 20), (0, 200), True),  # labels of all batches
        ((0, 100), (90, 190), True),
        ((0, 100), (91, 191), False),  # 9 of the 100 that could match
        ((0, 20), (19, 200), False),
    ],
)
def test_labels_of_more_or_fewer_rows_are_no_fault_while_a_tenth_of_those_that_could_match_do(
    project_named, tmp_path, predicted, labelled, judged_by_them
):
    ids = ([f"id {number}" for number in range(*span)] for span in (predicted, labelled))
    verdict = judged(project_named("prices"), tmp_path, *ids)["verdict"]
    assert (verdict != "NO_MATCH") == judged_by_them


def test_labels_that_do_not_define_the_metric_leave_the_verdict_open(project_named, tmp_path, capsys):
    project = project_named("churn")
    contract = tmp_path / "dataset.yaml"
    contract.write_text(project.contract_file.read_text("utf-8").replace("metric: f1", "metric: roc_auc"), "utf-8")
    scored = "prediction,probability_not leaves,probability_leaves\nleaves,0.2,0.8\nleaves,0.1,0.9\n"
    put(tmp_path / "predictions" / "a.csv", scored)
    put(tmp_path / "labels" / "a.csv", "leaves\nleaves\n")
    folders = [text for name in ("predictions", "labels") for text in (f"--{name}-dir", str(tmp_path / name))]
    model_quality.main([*folders, "--contract", str(contract), "--output-dir", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out" / "verdict.json").read_text("utf-8"))
    assert (found["verdict"], found["value"]) == ("UNDEFINED", None)
    assert found["reason"] == "roc_auc is not defined for rows of one class only"
    assert found["rows"] == {"predicted": 2, "labelled": 2, "matched": 2}
    assert "UNDEFINED: roc_auc" in capsys.readouterr().out


BY_ID = {
    "a label twice in a file": (
        "flat;price in $\nf1;1\nf1;2\n",
        "row 2 (line 3), column 'flat': the id 'f1' is also in row 1",
    ),
    "a label without a value": ("flat;price in $\nf1;\n", "row 1 (line 2), column 'price in $': the target is missing"),
    "a label of text": ("flat;price in $\nf1;cheap\n", "row 1 (line 2), column 'price in $': 'cheap' is not a number"),
    "labels without ids": ("price in $\n1\n", "column 'flat' is missing in the header; add it"),
}


@pytest.mark.parametrize("fault", BY_ID)
def test_labels_to_join_by_id_are_refused(project_named, tmp_path, fault):
    content, sentence = BY_ID[fault]
    put(tmp_path / "predictions" / "a.csv", PREDICTIONS)
    put(tmp_path / "labels" / "a.csv", content)
    job = verdict_arguments(project_named("prices"), tmp_path / "predictions", tmp_path / "labels", tmp_path / "out")
    refused = refusal(model_quality.main, job, tmp_path / "out")
    assert str(tmp_path / "labels") in refused
    assert sentence in refused


@pytest.mark.parametrize(("folder", "what"), [("predictions", "prediction"), ("labels", "label")])
def test_an_id_in_two_files_is_refused(project_named, tmp_path, folder, what):
    put(tmp_path / "predictions" / "a.csv", PREDICTIONS)
    put(tmp_path / "labels" / "a.csv", "flat;price in $\nf1;1\n")
    put(tmp_path / folder / "b.csv", "flat,prediction\nf1,1\n" if what == "prediction" else "flat;price in $\nf1;1\n")
    job = verdict_arguments(project_named("prices"), tmp_path / "predictions", tmp_path / "labels", tmp_path / "out")
    refused = refusal(model_quality.main, job, tmp_path / "out")
    assert f"{tmp_path / folder}: the id 'f1' has more than one {what}; keep one" in refused


BY_ORDER = {
    "another count": (["leaves\n"], "a.csv: has 1 labels and"),
    "more files": (
        ["leaves\nleaves\n", "leaves\n"],
        "holds the files a.csv, b.csv for the predictions a.csv; without an id column",
    ),
    "an unknown class": (
        ["leaves\nmoves\n"],
        "'moves' is not a class of the model (not leaves, leaves); correct",
    ),
    "a blank line": (["leaves\n\n"], "row 2 (line 2), column 'churned': the target is missing"),
}


@pytest.mark.parametrize("fault", BY_ORDER)
def test_labels_to_join_by_order_are_refused(project_named, tmp_path, fault):
    contents, sentence = BY_ORDER[fault]
    scored = "prediction,probability_not leaves,probability_leaves\nleaves,0.2,0.8\nleaves,0.1,0.9\n"
    put(tmp_path / "predictions" / "a.csv", scored)
    for name, content in zip("ab", contents, strict=False):
        put(tmp_path / "labels" / f"{name}.csv", content)
    job = verdict_arguments(project_named("churn"), tmp_path / "predictions", tmp_path / "labels", tmp_path / "out")
    refused = refusal(model_quality.main, job, tmp_path / "out")
    assert str(tmp_path / "labels") in refused
    assert sentence in refused


def test_an_earlier_verdict_does_not_outlive_a_refusal(project_named, tmp_path):
    project = project_named("prices")
    verdict_of(project, project / "predictions", project / "labels", tmp_path / "out")
    assert files_in(tmp_path / "out")
    put(tmp_path / "labels" / "a.csv", "price in $\n1\n")
    job = verdict_arguments(project, project / "predictions", tmp_path / "labels", tmp_path / "out")
    refusal(model_quality.main, job, tmp_path / "out")
