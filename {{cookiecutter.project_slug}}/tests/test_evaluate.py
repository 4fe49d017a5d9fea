import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from mlops_jobs import explanations
from mlops_jobs.artifact import Model
from mlops_jobs.gates import Judged
from mlops_jobs.judging_rules import Gate, names_of
from mlops_jobs.metric_names import Metric, measured_for
from mlops_jobs.scores import Scores
from sklearn import metrics as sk
from support import (
    as_written,
    evaluate_arguments,
    files_in,
    fit_arguments,
    put,
    read_model,
    train_arguments,
    train_constant,
    train_model,
)

import evaluate
import metrics
import predict
import preprocess
import train
from model import Estimator

PLOTS = {
    "regression": {"feature_importance.png", "contributions.png", "predicted_vs_actual.png", "residuals.png"},
    "binary": {
        "feature_importance.png",
        "contributions.png",
        "confusion_matrix.png",
        "roc_curve.png",
        "precision_recall.png",
    },
    "multiclass": {
        "feature_importance.png",
        "contributions.png",
        "confusion_matrix.png",
        "roc_curve.png",
        "precision_recall.png",
    },
}


def evaluation_in(folder):
    return json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))


def group(project):
    suffix = "" if project.contract.problem_type == "regression" else "_classification"
    return f"{project.contract.problem_type}{suffix}_metrics"


def scored_test_rows(project, folder):
    """The test split scored by predict.py, and its target: another way to the same numbers."""
    contract = project.contract
    test = pd.read_csv(project / "test" / "test.csv", dtype=str, keep_default_na=False)
    ignored = [column.name for column in contract.columns if column.role == "ignored"]
    rows = test.assign(**dict.fromkeys(ignored, "-"))[list(contract.file_columns(labelled=False))]
    missing = next(iter(contract.missing), "")
    for name in set(contract.numeric) & set(rows.columns):
        rows[name] = [as_written(contract, text) if text else missing for text in rows[name]]
    folder.mkdir()
    rows.to_csv(folder / "test.csv", index=False, header=contract.header, sep=contract.delimiter)
    predict.predict(folder, train_model(project.folder), folder / "out")
    return test[contract.target], pd.read_csv(folder / "out" / "test.csv")


def test_evaluation_json_holds_every_metric_as_scikit_learn_has_it(project, tmp_path):
    target, scored = scored_test_rows(project, tmp_path / "scored")
    content = evaluation_in(project / "evaluation")
    found = {name: entry["value"] for name, entry in content[group(project)].items()}
    assert tuple(found) == (*measured_for(project.contract.problem_type), *names_of(project.contract.own_metrics))
    if project.contract.problem_type == "regression":
        actual, predicted = target.astype(float), scored["prediction"]
        expected = {
            "rmse": sk.root_mean_squared_error(actual, predicted),
            "mae": sk.mean_absolute_error(actual, predicted),
            "mse": sk.mean_squared_error(actual, predicted),
            "r2": sk.r2_score(actual, predicted),
        }
    else:
        classes = [name.removeprefix("probability_") for name in scored.columns if name.startswith("probability_")]
        probabilities = scored[[f"probability_{name}" for name in classes]].to_numpy(np.float32)
        actual, predicted = target.map(classes.index), scored["prediction"].astype(str).map(classes.index)
        expected = {
            "accuracy": sk.accuracy_score(actual, predicted),
            "f1": sk.f1_score(actual, predicted, average="binary" if len(classes) == 2 else "macro"),
            "f1_macro": sk.f1_score(actual, predicted, average="macro"),
            "log_loss": sk.log_loss(actual, probabilities),
            "roc_auc": sk.roc_auc_score(actual == 1, probabilities[:, 1]),
            "recall": sk.recall_score(actual == 1, predicted == 1),
            "precision": sk.precision_score(actual == 1, predicted == 1),
        }
    for name in names_of(project.contract.own_metrics):
        expected[name] = found[name]
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-4)
    assert content["rows"] == len(target)
    assert content["value"] == found[project.contract.metric]


def test_precision_and_recall_of_each_class_are_as_scikit_learn_has_them(project, tmp_path):
    target, scored = scored_test_rows(project, tmp_path / "scored")
    entries = evaluation_in(project / "evaluation")["classes"]
    if project.contract.problem_type == "regression":
        assert entries == []
        return
    names = [entry["class"] for entry in entries]
    expected = sk.precision_recall_fscore_support(
        target, scored["prediction"].astype(str), labels=names, zero_division=0
    )
    for key, values in zip(("precision", "recall"), expected, strict=False):
        assert [entry[key] or 0.0 for entry in entries] == pytest.approx(values)
    assert [entry["rows"] for entry in entries] == expected[3].tolist()


def test_the_features_are_ordered_by_what_they_contribute_on_average(project):
    content = evaluation_in(project / "evaluation")["explanations"]
    if not content:
        assert train_model(project.folder).estimator.contributions(np.zeros((1, 1)), exact=True) is None
        return
    means = list(content["mean_absolute"].values())
    assert set(content["mean_absolute"]) == set(train_model(project.folder).preprocessor.features)
    assert means == sorted(means, reverse=True)
    assert means[0] > 0
    if project.contract.problem_type == "multiclass":
        by_class = content["by_class"]
        assert set(by_class) == set(train_model(project.folder).preprocessor.classes)
        for name, mean in content["mean_absolute"].items():
            assert mean == pytest.approx(np.mean([means[name] for means in by_class.values()]))
    else:
        assert "by_class" not in content


def test_the_explained_rows_are_spread_over_the_test_split(project, monkeypatch):
    monkeypatch.setattr(explanations, "MAX_ROWS", 10)
    model = train_model(project.folder)
    found = explanations.mean_contributions(model, project / "test")
    rows = evaluation_in(project / "evaluation")["rows"]
    assert found == {} or (5 <= found["rows"] <= 10 <= rows)


def test_the_parts_of_the_model_card_are_json_texts(project):
    parts = json.loads((project / "evaluation" / "model_card.json").read_text(encoding="utf-8"))
    groups = {group["name"]: group["metric_data"] for group in json.loads(parts["metric_groups"])}
    found = {metric["name"]: metric["value"] for metric in groups["metrics on the test split"]}
    content = evaluation_in(project / "evaluation")
    assert found == {name: entry["value"] for name, entry in content[group(project)].items()}
    assert json.loads(parts["observation"]).startswith(f"{project.contract.metric} is ")
    assert json.loads(parts["hyper_parameters"]) != []
    assert parts["champion_value"] == "not compared"


def test_the_plots_are_pictures(project):
    pictures = {path.name for path in files_in(project / "evaluation")} - {"evaluation.json", "model_card.json"}
    estimator = train_model(project.folder).estimator
    unknown = {"feature_importance.png"} if estimator.importance() is None else set()
    unknown |= set() if evaluation_in(project / "evaluation")["explanations"] else {"contributions.png"}
    assert pictures == PLOTS[project.contract.problem_type] - unknown
    for name in pictures:
        pixels = imread(project / "evaluation" / name)
        assert pixels.shape[0] > 300
        assert pixels.std() > 0.01, "an empty picture"


def test_the_threshold_is_the_contracts_unless_one_is_given(project):
    content = evaluation_in(project / "evaluation")
    assert content["threshold"] == project.contract.threshold
    assert content["met"] == project.contract.main_metric.meets(content["value"], content["threshold"])


def test_a_threshold_that_is_given_decides(project_named, tmp_path, capsys):
    project = project_named("sizes")
    threshold = 1.01 * evaluation_in(project / "evaluation")["value"]
    evaluate.main(evaluate_arguments(project, tmp_path, "--threshold", repr(threshold)))
    assert evaluation_in(tmp_path)["threshold"] == threshold
    assert not evaluation_in(tmp_path)["met"]
    assert " misses the threshold " in capsys.readouterr().out


def test_the_baseline_is_what_the_best_constant_reaches_on_the_test_rows(project):
    content = evaluation_in(project / "evaluation")
    target = pd.read_csv(project / "test" / "test.csv", dtype=str)[project.contract.target]
    dummies = {
        "mae": lambda: (target.astype(float) - target.astype(float).median()).abs().mean(),
        "rmse": lambda: target.astype(float).std(ddof=0),
        "f1": lambda: sk.f1_score(target == project.contract.positive_class, np.ones(len(target))),
        "f1_macro": lambda: max(sk.f1_score(target, [name] * len(target), average="macro") for name in set(target)),
    }
    if content["metric"] in dummies:
        assert content["baseline"] == pytest.approx(dummies[content["metric"]]())
    better = content["baseline"] - content["value"]
    assert content["baseline_gain"] == pytest.approx(better if content["lower_is_better"] else -better)
    assert content["beats_baseline"]


@pytest.mark.parametrize(("name", "metric"), [("churn", "roc_auc"), ("churn", "log_loss"), ("prices", "rmse")])
def test_a_constant_model_beats_no_baseline_though_it_meets_a_threshold_that_guessing_reaches(
    project_named, tmp_path, capsys, name, metric
):
    project = replace(project_named(name), folder=tmp_path / "fitted")
    contract = replace(project.contract, metric=metric, threshold=0.5)
    put(project.contract_file, contract.to_yaml())
    preprocess.main(fit_arguments(project.contract_file, project_named(name) / "training", project.folder))
    train_constant(project, tmp_path)
    threshold = ["--threshold", "0.5" if metric == "roc_auc" else "1e6"]
    folders = ["--test-dir", str(project / "test"), "--model-dir", str(tmp_path / "model")]
    evaluate.main([*folders, "--output-dir", str(tmp_path / "out"), *threshold])
    content = evaluation_in(tmp_path / "out")
    assert content["met"]
    assert not content["beats_baseline"]
    assert content["baseline_gain"] <= 0
    assert capsys.readouterr().out.endswith(", and the model is no better\n")


def test_a_gate_on_the_gap_measures_each_group_of_test_rows(project_named):
    project = project_named("sizes")
    model = train_model(project.folder)
    gates = (Gate("accuracy", threshold=1.0), Gate("accuracy", by="fabric", max_gap=0.001, min_rows=5))
    gated = replace(model, contract=replace(model.contract, gates=gates))
    judgement = evaluate.judge(gated, project / "test")
    found = evaluate.evaluation(gated, judgement, 0.5, {}, "test")["gates"]
    rows = pd.read_csv(project / "test" / "test.csv", dtype=str, keep_default_na=False)
    hits = pd.Series(judgement.actual == judgement.scores.predicted)
    by_fabric = hits.groupby(rows["fabric"].str.strip()).mean()
    groups = {group["group"].replace("(empty)", ""): group["value"] for group in found["judged"][1]["groups"]}
    assert groups == pytest.approx(by_fabric.to_dict())
    assert found["missed"] == 2
    assert "It misses a gate: accuracy is " in found["sentence"]
    assert "It misses a gate: the gap of accuracy by fabric is " in found["sentence"]


def test_truth_values_are_groups_of_a_gate(project_named):
    project = project_named("rides")
    model = train_model(project.folder)
    gates = (Gate("accuracy", by="paid", max_gap=0.5, min_rows=1),)
    gated = replace(model, contract=replace(model.contract, gates=gates))
    judgement = evaluate.judge(gated, project / "test")
    [gate] = evaluate.evaluation(gated, judgement, 0.5, {}, "test")["gates"]["judged"]
    assert {group["group"] for group in gate["groups"]} - {"(empty)"} == {"true", "false"}


def test_a_metric_of_the_teams_own_is_measured_compared_and_held_against_constants(project_named, monkeypatch):
    def missed(actual, scores):
        return float(np.mean(actual != scores.predicted))

    missed.__module__ = "metrics"
    monkeypatch.setattr(metrics, "missed", missed, raising=False)
    project = project_named("churn")
    contract = replace(project.contract, own_metrics=(Metric("missed", True, is_own=True),), metric="missed")
    model = train_model(project.folder)
    own = replace(model, contract=contract)
    judgement = evaluate.judge(own, project / "test")
    comparison = evaluate.compare(own, judgement, model, project / "test")
    content = evaluate.evaluation(own, judgement, 0.5, comparison, "test")
    assert content["value"] == pytest.approx(1 - judgement.metrics["accuracy"])
    assert content["baseline"] == pytest.approx(min(judgement.actual.mean(), 1 - judgement.actual.mean()))
    assert content["beats_baseline"]
    assert comparison["compared"], "though the champion's contract does not have the metric"
    assert comparison["gain"] == 0


def test_a_champion_is_compared_on_the_same_rows_with_its_own_preprocessor(project_named, tmp_path):
    project = project_named("own")
    preprocess.main(
        fit_arguments(project.contract_file, project / "training", tmp_path / "fitted", "--seed", "7"),
    )
    train.main(train_arguments(tmp_path / "fitted", tmp_path / "champion"))
    evaluate.main(evaluate_arguments(project, tmp_path / "out", "--champion-dir", str(tmp_path / "champion")))
    content = evaluation_in(tmp_path / "out")
    champion = content.pop("champion")
    mine = evaluation_in(project / "evaluation")
    assert content == {name: value for name, value in mine.items() if name != "champion"}
    assert champion["compared"]
    assert champion["metrics"] == evaluate.judge(read_model(tmp_path / "champion"), project / "test").metrics
    better = champion["metrics"][content["metric"]] - content["value"]
    assert champion["gain"] == pytest.approx(better if content["lower_is_better"] else -better)
    assert champion["shortfall"] == max(0.0, -champion["gain"])


def test_a_model_falls_short_of_a_better_champion_by_what_it_is_worse(project_named, tmp_path):
    project = project_named("prices")
    train_constant(project, tmp_path)
    worse = ["--test-dir", str(project / "test"), "--model-dir", str(tmp_path / "model")]
    champion = ["--champion-dir", str(project / "model")]
    evaluate.main([*worse, *champion, "--output-dir", str(tmp_path / "out")])
    found = evaluation_in(tmp_path / "out")
    lost = found["value"] - evaluation_in(project / "evaluation")["value"]
    assert lost > 0.5
    assert found["champion"]["shortfall"] == pytest.approx(lost)
    assert found["champion"]["gain"] == -found["champion"]["shortfall"]


def test_a_metric_that_the_rows_do_not_define_is_not_compared(project_named):
    project = project_named("prices")
    model = train_model(project)
    undefined = Judged(np.zeros(1), Scores(np.zeros(1)), metrics={}, groups={})
    comparison = evaluate.compare(model, undefined, model, project / "test")
    assert not comparison["compared"]
    assert "mae is not defined" in comparison["why"]


def test_before_the_first_approval_there_is_no_champion(project_named, tmp_path):
    champion = evaluation_in(project_named("prices") / "evaluation")["champion"]
    assert champion == {
        "compared": False,
        "why": "there is no champion yet",
        "gain": 0.0,
        "shortfall": 0.0,
        "metrics": {},
    }
    assert evaluate.find_champion(None) is None
    assert evaluate.find_champion(tmp_path) is None


def test_a_champion_that_cannot_read_the_rows_of_a_new_contract_does_not_stop_its_successor(project_named, tmp_path):
    project, champion = project_named("prices"), project_named("churn") / "model"
    evaluate.main(evaluate_arguments(project, tmp_path / "out", "--champion-dir", str(champion)))
    found = evaluation_in(tmp_path / "out")["champion"]
    assert (found["compared"], found["gain"], found["shortfall"]) == (False, 0.0, 0.0)
    assert "test.csv" in found["why"]


def test_a_champion_that_another_model_py_trained_does_not_stop_its_successor(project_named, tmp_path):
    project = project_named("prices")
    shutil.copytree(project / "model", tmp_path / "champion")
    (tmp_path / "champion" / Estimator.FILE).rename(tmp_path / "champion" / "model.other")
    evaluate.main(evaluate_arguments(project, tmp_path / "out", "--champion-dir", str(tmp_path / "champion")))
    found = evaluation_in(tmp_path / "out")["champion"]
    assert (found["compared"], found["gain"], found["shortfall"]) == (False, 0.0, 0.0)
    assert f"holds no {Estimator.FILE}" in found["why"]


def test_a_packed_model_is_judged_like_its_files(project_named, tmp_path):
    project = project_named("sizes")
    shutil.make_archive(str(tmp_path / "model"), "gztar", project / "model")
    packed = evaluate.find_champion(tmp_path)
    found = evaluate.judge(packed, project / "test").metrics
    assert found[project.contract.metric] == evaluation_in(project / "evaluation")["value"]


def test_many_classes_and_names_with_dollars_can_be_drawn(project_named, tmp_path):
    model = train_model(project_named("sizes").folder)
    classes = tuple(f"$_{number}^$" for number in range(15))
    fitted = preprocess.Preprocessor(model.preprocessor.features, {}, model.preprocessor.categories, classes)
    odd = Model(model.estimator, fitted, model.contract)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(15), 40)
    scores = evaluate.Scores(probabilities.argmax(axis=1), probabilities)
    with evaluate.Outputs() as outputs:
        evaluate.draw_evaluation(outputs, tmp_path, odd, np.arange(40) % 14, scores)
    assert {path.name for path in files_in(tmp_path)} >= PLOTS["multiclass"] - {
        "feature_importance.png",
        "contributions.png",
    }
