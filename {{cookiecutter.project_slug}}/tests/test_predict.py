import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_jobs.artifact import Model
from mlops_jobs.errors import UserError
from support import (
    INFERENCE_ROWS,
    files_in,
    predict_arguments,
    put,
    raw_rows,
    refusal,
    train_model,
    verdict_arguments,
    write_rows,
)

import model_quality
import predict
import preprocess


def body(path):
    return path.read_text(encoding="utf-8").splitlines()[1:]


@settings(max_examples=10)
@given(data=st.data())
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_scoring_row_by_row_equals_scoring_the_batch(project, model, tmp_path_factory, form, data):
    rows = data.draw(raw_rows(project.contract))
    folder = tmp_path_factory.mktemp("scoring")
    write_rows(folder / "csv" / "batch.csv", project.contract, rows)
    for number, row in enumerate(rows):
        write_rows(folder / "csv" / f"row{number}.csv", project.contract, [row])
    if form == "parquet":
        preprocess.apply(folder / "csv", project.contract, model.preprocessor, folder / "parquet")
    assert predict.predict(folder / form, model, folder / "out").rows == 2 * len(rows)
    one_by_one = [line for number in range(len(rows)) for line in body(folder / "out" / f"row{number}.csv")]
    assert body(folder / "out" / "batch.csv") == one_by_one


def test_rows_and_features_have_the_same_predictions(project, tmp_path):
    predict.main(predict_arguments(project / "features", project / "model", tmp_path))
    [by_features], [by_rows] = files_in(tmp_path), files_in(project / "predictions")
    assert by_features.name == by_rows.name == "inference-data.csv"
    assert by_features.read_bytes() == by_rows.read_bytes()


def test_each_input_file_has_its_predictions_in_the_order_of_its_rows(project, model, tmp_path):
    contract = project.contract
    [whole] = files_in(project / "inference")
    lines = whole.read_bytes().splitlines(keepends=True)
    head, rows = (lines[:1], lines[1:]) if contract.header else ([], lines)
    put(tmp_path / "in" / "a.csv", b"".join([*head, *rows[:25]]))
    put(tmp_path / "in" / "b.csv", b"".join([*head, *rows[25:]]))
    predict.main(predict_arguments(tmp_path / "in", project / "model", tmp_path / "out"))
    assert [path.name for path in files_in(tmp_path / "out")] == ["a.csv", "b.csv"]
    split = body(tmp_path / "out" / "a.csv") + body(tmp_path / "out" / "b.csv")
    assert split == body(project / "predictions" / whole.name)


def test_predictions_hold_the_id_the_prediction_and_a_probability_of_each_class(project, model):
    contract, classes = project.contract, list(model.preprocessor.classes)
    predictions = pd.read_csv(project / "predictions" / "inference-data.csv")
    ids = [contract.id] if contract.id else []
    assert list(predictions.columns) == [*ids, "prediction", *(f"probability_{name}" for name in classes)]
    assert len(predictions) == INFERENCE_ROWS
    if contract.id:
        names = pd.read_csv(
            project / "inference" / "inference-data.csv",
            sep=contract.delimiter,
            names=contract.file_columns(labelled=False),
            header=0 if contract.header else None,
        )
        assert predictions[contract.id].tolist() == names[contract.id].tolist()
    if classes:
        probabilities = predictions[[f"probability_{name}" for name in classes]].to_numpy()
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(INFERENCE_ROWS), abs=1e-5)
        threshold = model.decision and model.decision.threshold
        expected = probabilities.argmax(axis=1) if threshold is None else (probabilities[:, 1] >= threshold).astype(int)
        assert predictions["prediction"].astype(str).tolist() == [classes[index] for index in expected]


def test_what_was_handled_is_printed(project_named, tmp_path, capsys):
    project = project_named("prices")
    put(tmp_path / "in" / "rows.csv", "flat;floor area;split;district;remark\nf1;?;2;Z;x\nf2;;2;;y\n")
    capsys.readouterr()  # the first test that needs the project trains it
    predict.main(predict_arguments(tmp_path / "in", project / "model", tmp_path / "out"))
    assert capsys.readouterr().out.splitlines() == [
        "missing cells: floor area 2, district 1",
        "unseen categories: district 1",
        "rows: 2",
    ]


def test_class_names_with_quotes_and_dollars_stand_whole_in_the_predictions(project_named):
    model = train_model(project_named("churn").folder)
    odd = Model(
        model.estimator, preprocess.Preprocessor(("calls",), {"calls": 0.0}, {}, ('a "b"', "$c$")), model.contract
    )
    table = predict.as_table(odd, None, odd.score(np.array([[0.1], [0.9]], dtype=np.float32)))
    assert table.column_names == ["prediction", 'probability_a "b"', "probability_$c$"]
    assert set(table["prediction"].to_pylist()) <= {'a "b"', "$c$"}


def explained_rows(project, folder, top=3):
    predict.main(predict_arguments(project / "inference", project / "model", folder, "--explain", str(top)))
    return pd.read_csv(folder / "inference-data.csv", dtype={"prediction": str})


@pytest.fixture
def contributions(project, model):
    """The contributions to the predictions of the project's rows: shape (n, features + 1), of the predicted class."""
    features = np.concatenate([features for _, features in predict._from_csv(rows_of(project), model, predict.Tally())])
    found = model.estimator.contributions(features, exact=False)
    if found is None:
        pytest.skip("this model has no contributions")
    return found[np.arange(len(found)), model.score(features).predicted] if found.ndim == 3 else found


def rows_of(project):
    return project / "inference" / "inference-data.csv"


def test_explanations_are_the_features_with_the_largest_contributions(project, model, contributions, tmp_path):
    found, features = explained_rows(project, tmp_path), model.preprocessor.features
    largest = -np.sort(-np.abs(contributions[:, :-1]), axis=1)
    ranks = range(1, min(3, len(features)) + 1)
    for rank in ranks:  # among features that contribute as much, any may come first
        places = [features.index(name) for name in found[f"explanation_{rank}"]]
        values = contributions[np.arange(len(places)), places]
        assert np.abs(values) == pytest.approx(largest[:, rank - 1], abs=1e-5)
        assert found[f"contribution_{rank}"].to_numpy() == pytest.approx(values, abs=1e-5)
    assert all(
        len(set(names)) == len(ranks) for names in zip(*(found[f"explanation_{rank}"] for rank in ranks), strict=True)
    )


def test_explanations_change_no_prediction(project, contributions, tmp_path):
    plain = pd.read_csv(project / "predictions" / "inference-data.csv", dtype={"prediction": str})
    found = explained_rows(project, tmp_path)
    assert found[plain.columns.tolist()].equals(plain)
    assert "explanation_1" not in plain


def test_labels_are_joined_to_explained_predictions_as_to_others(project, contributions, tmp_path):
    explained_rows(project, tmp_path / "explained")
    verdicts = []
    for name, folder in (("plain", project / "predictions"), ("with", tmp_path / "explained")):
        model_quality.main(verdict_arguments(project, folder, project / "labels", tmp_path / name))
        verdicts.append((tmp_path / name / "verdict.json").read_text(encoding="utf-8"))
    assert verdicts[0] == verdicts[1]


def test_a_negative_number_of_features_explains_nothing(project, tmp_path):
    arguments = predict_arguments(project / "inference", project / "model", tmp_path / "out", "--explain", "-1")
    with pytest.raises(UserError, match="--explain is -1; it must be 0 or more"):
        predict.main(arguments)
    assert not (tmp_path / "out").exists()


def test_a_model_without_contributions_explains_nothing(project, monkeypatch, tmp_path):
    monkeypatch.setattr(predict.Estimator, "contributions", lambda self, features, *, exact: None)
    arguments = predict_arguments(project / "inference", project / "model", tmp_path / "out", "--explain", "3")
    assert "jobs/model.py has no contributions" in refusal(predict.main, arguments, tmp_path / "out")
