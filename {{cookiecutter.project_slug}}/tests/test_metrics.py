import re

import numpy as np
import pytest
from mlops_jobs.errors import DataError
from mlops_jobs.metric_names import (
    CONTAINER_NAMES,
    LOWER_IS_BETTER,
    METRICS_FOR,
    known_metric,
    metric_line,
    objective_name,
)
from mlops_jobs.scores import Scores
from mlops_kit.checks.builtin_image import OBJECTIVES, metric_definitions
from sklearn import metrics as sk
from support import CONTRACTS, contract_of

from metrics import all_metrics, one_metric

EVERY_METRIC = sorted({name for names in METRICS_FOR.values() for name in names})
OF_EACH_PROBLEM = [(problem_type, name) for problem_type, names in METRICS_FOR.items() for name in names]
SOME = np.random.default_rng(1)


def contract_for(problem_type):
    return next(found for name in CONTRACTS if (found := contract_of(name)).problem_type == problem_type)


def test_regression_is_measured_as_scikit_learn_measures_it():
    actual, predicted = SOME.normal(size=50), SOME.normal(size=50)
    found = all_metrics(contract_for("regression"), actual, Scores(predicted))
    assert found == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(actual, predicted),
            "mae": sk.mean_absolute_error(actual, predicted),
            "mse": sk.mean_squared_error(actual, predicted),
            "r2": sk.r2_score(actual, predicted),
        }
    )


def test_two_classes_are_measured_as_scikit_learn_measures_them():
    actual, positive = SOME.integers(0, 2, 50), SOME.random(50)
    scores = Scores((positive > 0.5).astype(int), np.column_stack([1 - positive, positive]))
    assert all_metrics(contract_for("binary"), actual, scores) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(actual, positive > 0.5),
            "f1": sk.f1_score(actual, positive > 0.5),
            "roc_auc": sk.roc_auc_score(actual, positive),
            "log_loss": sk.log_loss(actual, positive),
            "recall": sk.recall_score(actual, positive > 0.5),
            "precision": sk.precision_score(actual, positive > 0.5),
        }
    )


def test_several_classes_are_measured_as_scikit_learn_measures_them():
    actual, probabilities = SOME.integers(0, 3, 50), SOME.dirichlet([1, 1, 1], 50)
    predicted = probabilities.argmax(axis=1)
    assert all_metrics(contract_for("multiclass"), actual, Scores(predicted, probabilities)) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(actual, predicted),
            "f1_macro": sk.f1_score(actual, predicted, average="macro"),
            "log_loss": sk.log_loss(actual, probabilities),
        }
    )


def test_a_metric_that_the_rows_do_not_define_is_refused_with_the_reason():
    one_row = all_metrics(contract_for("regression"), np.array([1.0]), Scores(np.array([2.0])))
    with pytest.raises(DataError, match="labels: r2 is not defined for a single row"):
        one_metric("r2", one_row, "labels")
    one_class = all_metrics(
        contract_for("binary"), np.array([1, 1]), Scores(np.array([1, 0]), np.array([[0.2, 0.8], [0.6, 0.4]]))
    )
    with pytest.raises(DataError, match="labels: roc_auc is not defined for rows of one class only"):
        one_metric("roc_auc", one_class, "labels")
    assert one_metric("accuracy", one_class, "labels") == 0.5


@pytest.mark.parametrize("metric", EVERY_METRIC)
def test_a_better_value_meets_the_threshold_and_is_a_gain(metric):
    better, worse = (0.3, 0.4) if metric in LOWER_IS_BETTER else (0.4, 0.3)
    known = known_metric(metric)
    assert known.meets(better, worse)
    assert known.meets(worse, worse)
    assert not known.meets(worse, better)
    assert known.gain(better, worse) == pytest.approx(0.1)


@pytest.mark.parametrize("metric", EVERY_METRIC)
def test_a_threshold_can_be_met_and_missed(metric):
    known = known_metric(metric)
    assert known.in_range(0.5)
    assert known.in_range(2.0) == (metric in LOWER_IS_BETTER)
    assert not any(known.in_range(value) for value in (0.0, -1.0, float("nan"), float("inf")))


@pytest.mark.parametrize(("problem_type", "metric"), OF_EACH_PROBLEM)
@pytest.mark.parametrize("value", [0.5, 1e-12, -3.25, 1e21, 1.0, 0.123456789])
def test_sagemaker_finds_the_value_in_the_metric_line(problem_type, metric, value):
    line = metric_line(problem_type, known_metric(metric), value, 25).replace("\t", "#011")  # as it stands in the log
    assert line.startswith("[25]#011")
    name = objective_name(problem_type, known_metric(metric))
    [pattern] = [found["Regex"] for found in metric_definitions() if found["Name"] == name]
    assert [float(text) for text in re.findall(pattern, line)] == [value]
    of_the_container = rf".*\[[0-9]+\].*#011validation-{CONTAINER_NAMES[problem_type][metric]}:(\S+)"
    assert [float(text) for text in re.findall(of_the_container, line)] == [value]


@pytest.mark.parametrize(("problem_type", "metric"), OF_EACH_PROBLEM)
def test_sagemakers_image_knows_each_metric_and_which_way_is_better(problem_type, metric):
    wanted = "Minimize" if metric in LOWER_IS_BETTER else "Maximize"
    assert OBJECTIVES[objective_name(problem_type, known_metric(metric))] == wanted
