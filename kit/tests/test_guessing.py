"""What guessing reaches is what scikit-learn's best constant reaches, and a proposed threshold is a little better."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_jobs.guessing import gain_over_guessing, reached_by_guessing
from mlops_jobs.metric_names import METRICS_FOR, known_metric
from mlops_kit.data.guessing import about_threshold, proposed_threshold

labels = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)
numbers = st.lists(st.integers(-1000, 1000), min_size=2, max_size=60).map(lambda values: np.array(values, np.float64))


@given(target=labels)
def test_the_best_constant_class_is_as_scikit_learn_scores_it(target: np.ndarray) -> None:
    found = reached_by_guessing("multiclass", target)
    constants = [np.full(len(target), index) for index in np.unique(target)]
    shares = np.bincount(target, minlength=5) / len(target)
    assert found == pytest.approx(
        {
            "accuracy": max(sk.accuracy_score(target, constant) for constant in constants),
            "f1_macro": max(sk.f1_score(target, constant, average="macro", zero_division=0) for constant in constants),
            "log_loss": sk.log_loss(target, np.tile(shares, (len(target), 1)), labels=list(range(5))),
        },
        abs=1e-9,
    )


@given(target=labels.map(lambda values: values % 2))
def test_the_best_constant_of_two_classes_is_as_scikit_learn_scores_it(target: np.ndarray) -> None:
    found = reached_by_guessing("binary", target)
    ones = np.ones(len(target), int)
    assert found["f1"] == pytest.approx(sk.f1_score(target, ones, zero_division=0))
    assert ("roc_auc" in found) == (len(set(target.tolist())) == 2)
    assert found.get("roc_auc", 0.5) == 0.5


@given(target=numbers, constant=st.floats(-1000, 1000))
def test_no_constant_number_is_better(target: np.ndarray, constant: float) -> None:
    found = reached_by_guessing("regression", target)
    guess = np.full(len(target), constant)
    values = {
        "rmse": sk.root_mean_squared_error(target, guess),
        "mae": sk.mean_absolute_error(target, guess),
        "mse": sk.mean_squared_error(target, guess),
    }
    for metric, value in values.items():
        assert gain_over_guessing(known_metric(metric), value, found[metric]) <= 0
    assert found["rmse"] == pytest.approx(np.std(target))
    assert found["r2"] == 0


def test_a_constant_prediction_in_float32_is_no_better_than_a_constant() -> None:
    assert gain_over_guessing(known_metric("roc_auc"), 0.5, 0.5) == 0
    assert gain_over_guessing(known_metric("rmse"), 3 - 1e-7, 3) == 0
    assert gain_over_guessing(known_metric("r2"), 1e-8, 0.0) == 0
    assert gain_over_guessing(known_metric("rmse"), 2.9, 3) == pytest.approx(0.1)


@given(share=st.floats(0, 0.999), error=st.floats(1e-6, 1e9))
def test_a_proposed_threshold_is_in_range_and_better_than_guessing(share: float, error: float) -> None:
    for metric in {name for names in METRICS_FOR.values() for name in names}:
        reached = error if metric in ("rmse", "mae", "mse", "log_loss") else share
        threshold = proposed_threshold(metric, reached)
        assert known_metric(metric).in_range(threshold)
        assert known_metric(metric).gain(threshold, reached) > 0


@pytest.mark.parametrize(
    ("metric", "reached", "threshold"),
    [("f1_macro", 0.1, 0.19), ("roc_auc", 0.5, 0.55), ("r2", 0, 0.1), ("rmse", 2, 1.9), ("mse", 4, 3.6)],
)
def test_a_little_better_is_a_tenth_nearer_to_1_or_a_twentieth_less(
    metric: str, reached: float, threshold: float
) -> None:
    assert proposed_threshold(metric, reached) == pytest.approx(threshold)


def test_the_comment_says_that_guessing_reaches_the_values_and_not_the_threshold() -> None:
    reached = {"accuracy": 0.5, "f1": 2 / 3}
    assert about_threshold(reached, is_kept=True) == (
        "the threshold is that of the contract before; guessing reaches accuracy 0.5, f1 0.6667 here"
    )
    assert about_threshold(reached, is_kept=False).startswith("the threshold is a little better than guessing; ")
