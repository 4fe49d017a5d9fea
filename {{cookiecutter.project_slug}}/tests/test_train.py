import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mlops_jobs.artifact import load_fitted
from mlops_jobs.errors import UserError
from mlops_jobs.feature_files import FeatureFile, LabelledFeatures
from mlops_jobs.hyperparameter import Hyperparameter
from mlops_jobs.judging_rules import Aim
from mlops_jobs.metric_names import container_name, metric_definition
from mlops_jobs.prediction_files import read_predictions
from mlops_kit.definition.code import library_files
from sklearn import metrics as sk
from support import (
    ROOT,
    Project,
    another_value,
    batch_transform,
    evaluate_arguments,
    files_in,
    fit_arguments,
    predict_arguments,
    put,
    read_model,
    refusal,
    train_arguments,
    train_constant,
    train_model,
)

import evaluate
import predict
import preprocess
import train
from hyperparameters import HYPERPARAMETERS
from model import Estimator


def test_a_tuning_job_can_read_the_metric_that_the_model_is_worth(project, tmp_path, capfd):
    """A model may print lines of the same form, even of the same name: the last one counts, so it has to be ours."""
    train.main(train_arguments(project.folder, tmp_path))
    contract, lines = project.contract, capfd.readouterr().out.splitlines()
    metric, name = contract.metric, container_name(contract.problem_type, contract.main_metric)
    assert lines[-2].startswith(f"{metric} on the validation split: "), "a person reads it here"
    read_in_own_image = [match for line in lines if (match := re.search(metric_definition(metric)["Regex"], line))]
    found = [re.match(rf".*\[[0-9]+\].*#011validation-{name}:(\S+)", line.replace("\t", "#011")) for line in lines]
    assert found[-1] is not None
    printed = found[-1][1]
    record = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert float(printed) == pytest.approx(record[f"validation:{metric}"])
    assert [float(match[1]) for match in read_in_own_image] == [pytest.approx(float(printed), rel=1e-5)]
    model = train_model(project.folder)
    validation = project / "validation" / "validation.parquet"
    value = train.validation_metric(model, LabelledFeatures(validation, contract, model.preprocessor))
    assert float(printed) == pytest.approx(value)


def test_the_same_seed_gives_the_same_model(project, tmp_path):
    train.main(train_arguments(project.folder, tmp_path))
    made, before = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in files_in(folder)
            if path.suffix != ".pyc" and path.name != Estimator.FILE
        }
        for folder in (tmp_path, project / "model")
    )
    assert made == before
    again, model = read_model(tmp_path), train_model(project.folder)
    features = np.random.default_rng(1).random((50, len(model.preprocessor.features)), dtype=np.float32)
    assert np.array_equal(again.estimator.predict(features), model.estimator.predict(features))


def test_the_artifact_holds_the_code_that_serves_it_beside_what_was_there(project_named, tmp_path):
    put(tmp_path / "code" / "notes.txt", "mine")
    train.main(train_arguments(project_named("churn").folder, tmp_path))
    sources = {path.name: path.read_bytes() for path in (ROOT / "jobs").glob("*.py")} | library_files()
    code = tmp_path / "code"
    made = {path.relative_to(code).as_posix(): path.read_bytes() for path in files_in(code)}
    assert made == sources | {"notes.txt": b"mine"}


def test_a_training_container_runs_its_own_copy_of_the_code(project_named, tmp_path):
    """It puts a setup.py beside the code, starts the script as a module there, and names the folders in variables."""
    project, code = project_named("sizes"), tmp_path / "ml" / "code"
    shutil.copytree(ROOT / "jobs", code, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in library_files().items():
        put(code / name, content)
    put(code / "setup.py", "from setuptools import setup\n")
    folders = {f"SM_CHANNEL_{name.upper()}": str(project / name) for name in ("train", "validation", "preprocessor")}
    folders |= {"SM_CHANNEL_CODE": str(code), "SM_MODEL_DIR": str(tmp_path / "ml" / "model")}
    name = next(iter(HYPERPARAMETERS))
    command = [sys.executable, "-m", "train", f"--{name}", str(another_value(name))]
    subprocess.run(command, cwd=code, env=os.environ | folders, check=True, capture_output=True)
    assert not (tmp_path / "ml" / "model" / "code" / "setup.py").exists()
    record = json.loads((tmp_path / "ml" / "model" / "training.json").read_text(encoding="utf-8"))
    defaults = {name: known.default for name, known in HYPERPARAMETERS.items()}
    assert record["hyperparameters"] == defaults | {name: another_value(name)}
    features = np.zeros((1, len(project.contract.features)), dtype=np.float32)
    assert read_model(tmp_path / "ml" / "model").score(features).probabilities.shape == (1, 3)


@pytest.mark.parametrize("flag", ["-C", "--C"])
def test_a_hyperparameter_of_one_letter_takes_one_hyphen_as_of_sagemakers_toolkit_or_two(monkeypatch, tmp_path, flag):
    monkeypatch.setattr(train, "HYPERPARAMETERS", {"C": Hyperparameter(1.0), "cost": Hyperparameter(2.0)})
    taken = train._parser().parse_args(train_arguments(tmp_path, tmp_path / "model", flag, "0.5"))
    assert (taken.C, taken.cost) == (0.5, 2.0)


def test_an_artifact_is_not_written_over_the_code_that_trains_it(project_named, tmp_path):
    train.main(train_arguments(project_named("churn").folder, tmp_path))
    before = {path: path.read_bytes() for path in files_in(tmp_path / "code")}
    command = [sys.executable, str(tmp_path / "code" / "train.py")]
    again = subprocess.run(
        [*command, *train_arguments(project_named("churn").folder, tmp_path)], capture_output=True, text=True
    )
    assert again.returncode == 1
    assert again.stderr.endswith("is read by this job, so it cannot write there too; give another folder\n")
    assert {path: path.read_bytes() for path in files_in(tmp_path / "code") if path.suffix == ".py"} == before


def test_sagemakers_variables_name_the_folders_and_arguments_override_them(project, tmp_path, monkeypatch):
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(project / "train"))
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(project / "validation"))
    monkeypatch.setenv("SM_CHANNEL_PREPROCESSOR", str(project / "preprocessor"))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "of the variable"))
    train.main([])
    train.main(["--model-dir", str(tmp_path / "of the argument")])
    by_variable, by_argument = (files_in(tmp_path / name) for name in ("of the variable", "of the argument"))
    assert [path.name for path in by_variable] == [path.name for path in by_argument]


def test_a_folder_that_nobody_named_is_asked_for(monkeypatch, capsys):
    for variable in ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_CHANNEL_PREPROCESSOR", "SM_MODEL_DIR"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SystemExit):
        train.main([])
    assert "--train" in capsys.readouterr().err


def test_a_model_learns_more_than_the_mean(project_named):
    project = project_named("prices")
    record = json.loads((project / "model" / "training.json").read_text(encoding="utf-8"))
    actual = pq.read_table(project / "validation" / "validation.parquet")[project.contract.target].to_numpy()
    assert record["validation:mae"] < 0.6 * np.abs(actual - actual.mean()).mean()


def trained_with(project, folder, **settings):
    """A model of the project's rows, whose contract sets something for training."""
    put(folder / "dataset.yaml", replace(project.contract, **settings).to_yaml())
    preprocess.main(fit_arguments(folder / "dataset.yaml", project / "training", folder))
    train.main(train_arguments(folder, folder / "model"))
    return read_model(folder / "model")


def test_a_class_that_counts_more_is_predicted_to_be_more_probable(project_named, tmp_path):
    project = project_named("churn")
    weighted, plain = trained_with(project, tmp_path, class_weights=(("leaves", 20.0),)), train_model(project.folder)
    assert weighted.contract.class_weights == (("leaves", 20.0),), "recorded in the artifact"
    rows = LabelledFeatures(project / "validation" / "validation.parquet", plain.contract, plain.preprocessor).read()
    probable, before = (model.score(rows.features).probabilities[:, 1].mean() for model in (weighted, plain))
    assert probable > before + 0.05


@pytest.mark.parametrize("name", ["churn", "sizes"])
def test_balanced_classes_count_the_same_in_total_and_only_in_training(project_named, name):
    project = project_named(name)
    contract = replace(project.contract, class_weights="balanced")
    preprocessor = load_fitted(project / "preprocessor")[1]
    path = project / "train" / "train.parquet"
    rows = LabelledFeatures(path, contract, preprocessor, weighted=True).read()
    totals = np.bincount(rows.target.astype(int), weights=rows.weights)
    assert totals == pytest.approx(np.full(len(preprocessor.classes), len(rows.target) / len(preprocessor.classes)))
    assert LabelledFeatures(path, contract, preprocessor).read().weights is None


@pytest.mark.parametrize("direction", ["increasing", "decreasing"])
@pytest.mark.parametrize("name", ["churn", "prices"])
def test_the_prediction_only_rises_or_only_falls_with_a_monotone_feature(project_named, tmp_path, name, direction):
    project = project_named(name)
    at = project.contract.features.index(project.contract.numeric[0])
    columns = tuple(
        replace(column, monotone=direction) if column.name == project.contract.numeric[0] else column
        for column in project.contract.columns
    )
    model = trained_with(project, tmp_path, columns=columns)
    rows = LabelledFeatures(project / "train" / "train.parquet", model.contract, model.preprocessor).read().features
    for row in rows[:20]:
        grid = np.repeat(row[np.newaxis], 200, axis=0)
        grid[:, at] = np.linspace(rows[:, at].min(), rows[:, at].max(), 200)
        scores = model.score(grid)
        predicted = scores.predicted if scores.probabilities is None else scores.probabilities[:, 1]
        steps = np.diff(predicted) if direction == "increasing" else -np.diff(predicted)
        assert steps.min() >= -1e-6


@pytest.mark.parametrize("prefix", ["", "./"])
def test_the_artifact_works_packed_as_sagemaker_packs_it(project, tmp_path, prefix):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in files_in(project / "model"):
            archive.add(path, f"{prefix}{path.relative_to(project / 'model').as_posix()}")
    packed, plain = read_model(tmp_path), train_model(project.folder)
    assert (packed.contract, packed.preprocessor) == (plain.contract, plain.preprocessor)
    assert packed.contract == project.contract
    features = np.random.default_rng(1).random((5, len(plain.preprocessor.features)), dtype=np.float32)
    assert np.array_equal(packed.score(features).predicted, plain.score(features).predicted)


def test_a_stored_estimator_predicts_as_before(project):
    estimator = train_model(project.folder).estimator
    again = Estimator.from_bytes(estimator.to_bytes())
    features = np.random.default_rng(1).random((50, len(project.contract.features)), dtype=np.float32)
    assert np.array_equal(again.predict(features), estimator.predict(features))


def test_each_feature_has_its_importance_where_the_estimator_knows_one(project):
    estimator = train_model(project.folder).estimator
    importance = estimator.importance()
    if importance is None:
        pytest.skip("this model knows none")
    assert importance.shape == (len(project.contract.features),)
    assert (importance >= 0).all()
    assert importance.sum() > 0


def test_no_job_pickles():
    for path in (ROOT / "jobs").glob("*.py"):
        assert not re.search(r"^\s*(import|from)\s+(pickle|joblib|dill|cloudpickle)", path.read_text("utf-8"), re.M)


def test_features_of_another_preprocessor_are_refused(project_named, tmp_path):
    ours, theirs = project_named("prices"), project_named("sizes")
    for name in ("train", "validation"):
        shutil.copytree(theirs / name, tmp_path / "in" / name)
    shutil.copytree(ours / "preprocessor", tmp_path / "in" / "preprocessor")
    sentence = refusal(train.main, train_arguments(tmp_path / "in", tmp_path / "out"), tmp_path / "out")
    assert "train.parquet: was made by another preprocessor" in sentence
    assert "make it again with preprocess.py" in sentence


def test_features_that_are_no_parquet_or_not_there_are_refused(project_named, tmp_path):
    preprocessor = load_fitted(project_named("prices") / "preprocessor")[1]
    (tmp_path / "broken.parquet").write_text("no parquet", encoding="utf-8")
    with pytest.raises(UserError, match=r"broken.parquet: is not a Parquet file .* make it again"):
        FeatureFile(tmp_path / "broken.parquet", preprocessor)
    with pytest.raises(UserError, match=r"none.parquet: does not exist; make it with preprocess\.py"):
        FeatureFile(tmp_path / "none.parquet", preprocessor)


def decided_project(project, folder, decision):
    """A project's splits with an aim for the decision threshold in their contract, ready to be trained on."""
    for name in ("train", "validation", "preprocessor", "test"):
        shutil.copytree(project / name, folder / name)
    contract = replace(project.contract, decision=decision)
    put(folder / "preprocessor" / "dataset.yaml", contract.to_yaml())
    return Project(contract, folder)


def test_the_decision_threshold_is_chosen_on_the_validation_split_and_every_job_uses_it(
    project_named, tmp_path, capsys
):
    project = decided_project(project_named("churn"), tmp_path, Aim("recall", (("precision", 0.6),)))
    train.main(train_arguments(tmp_path, tmp_path / "model"))
    assert "decision threshold " in capsys.readouterr().out
    stored = json.loads((tmp_path / "model" / "decision.json").read_text(encoding="utf-8"))
    model = read_model(tmp_path / "model")
    split = LabelledFeatures(tmp_path / "validation" / "validation.parquet", model.contract, model.preprocessor)
    actual, scores = train.scored(model, split)
    assert sk.precision_score(actual, scores.predicted) >= 0.6
    assert sk.recall_score(actual, scores.predicted) == pytest.approx(stored["reaches"]["recall"])
    rows = project_named("churn") / "inference"
    predict.main(predict_arguments(rows, tmp_path / "model", tmp_path / "predictions"))
    (path,) = files_in(tmp_path / "predictions")
    table = pd.read_csv(path)
    leaves = table["probability_leaves"] >= stored["threshold"]
    assert (table["prediction"] == np.where(leaves, "leaves", "not leaves")).all()
    (tmp_path / "inference").symlink_to(rows)
    transformed = read_predictions(batch_transform(project, tmp_path / "batch") / path.name, project.contract)
    assert transformed["prediction"].to_pylist() == table["prediction"].tolist()
    evaluate.main(evaluate_arguments(project, tmp_path / "evaluation"))
    content = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
    assert content["decision"] == stored


def test_an_aim_that_no_threshold_reaches_is_refused_with_the_best_that_can_be_reached(project_named, tmp_path):
    project = decided_project(project_named("churn"), tmp_path / "aimed", Aim("recall", (("precision", 1.0),)))
    sentence = refusal(lambda _: train_constant(project, tmp_path / "alike"), [], tmp_path / "alike" / "model")
    assert "no decision threshold reaches precision 1: the best is 0." in sentence
    assert sentence.endswith("lower decision.at_least in the contract")


def test_a_model_without_an_aim_predicts_the_more_probable_class(project_named):
    model = train_model(project_named("churn").folder)
    assert model.decision is None
    scores = model.score(np.linspace(-3, 3, 50, dtype=np.float32)[:, None])
    assert (scores.predicted == scores.probabilities.argmax(axis=1)).all()


def test_an_artifact_that_lacks_its_decision_is_refused(project_named, tmp_path):
    decided_project(project_named("churn"), tmp_path, Aim("f1"))
    train.main(train_arguments(tmp_path, tmp_path / "model"))
    (tmp_path / "model" / "decision.json").unlink()
    with pytest.raises(UserError, match=r"holds no decision\.json"):
        read_model(tmp_path / "model")
