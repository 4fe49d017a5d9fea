"""Contributions by the path through the trees are those that XGBoost computes, whatever the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from mlops_jobs import tree_contributions
from mlops_jobs.explanations import strongest
from mlops_jobs.tree_contributions import PathContributions

MODELS: dict[str, dict[str, Any]] = {
    "regression": {"objective": "reg:squarederror"},
    "binary": {"objective": "binary:logistic"},
    "several classes": {"objective": "multi:softprob", "num_class": 3},
    "deep trees": {"objective": "reg:squarederror", "max_depth": 10, "min_child_weight": 0.1},
    "stumps": {"objective": "binary:logistic", "max_depth": 1},
    "pruned trees": {"objective": "reg:squarederror", "gamma": 2.0},
    "trees of a single leaf": {"objective": "reg:squarederror", "gamma": 1e9},
    "parallel trees": {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2},
}


def rows(number: int, seed: int) -> np.ndarray:
    """Five numbers and a category of nine, the last of which no model has seen; some are missing."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(number, 6)).astype(np.float32)
    features[:, 2] = random.integers(0, 8 if seed == 0 else 9, number)
    features[random.random(features.shape) < 0.05] = np.nan
    return features


def booster_of(parameters: dict[str, Any], rounds: int = 15) -> xgb.Booster:
    features = rows(800, seed=0)
    value = np.nan_to_num(features[:, 0]) + np.nan_to_num(features[:, 2]) % 3 + np.nan_to_num(features[:, 1]) ** 2
    target = value if "reg" in parameters["objective"] else np.digitize(value, [1.5, 3.0])
    if parameters["objective"] == "binary:logistic":
        target = target > 1
    types = ["q", "q", "c", "q", "q", "q"]
    data = xgb.DMatrix(features, target, feature_types=types, feature_names=list("abcdef"), enable_categorical=True)
    return xgb.train({"max_depth": 4, "seed": 1, **parameters}, data, rounds)


def by_xgboost(booster: xgb.Booster, features: np.ndarray) -> np.ndarray:
    known = {"feature_names": booster.feature_names, "feature_types": booster.feature_types}
    data = xgb.DMatrix(features, enable_categorical=True, **known)
    found: np.ndarray = booster.predict(data, pred_contribs=True, approx_contribs=True)
    return found


@pytest.mark.parametrize("parameters", MODELS.values(), ids=MODELS)
def test_contributions_are_those_of_xgboost(parameters: dict[str, Any]) -> None:
    booster, features = booster_of(parameters), rows(500, seed=1)
    paths = PathContributions(booster)
    found, expected = paths.of(features), by_xgboost(booster, features)
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
    margin = booster.inplace_predict(features, predict_type="margin")
    np.testing.assert_allclose(found.sum(axis=-1), margin.reshape(found.shape[:-1]), atol=1e-4, rtol=1e-4)


def test_a_model_that_was_cut_at_its_best_round_keeps_its_trees_apart() -> None:
    booster = booster_of(MODELS["several classes"])[:4]
    features = rows(100, seed=1)
    np.testing.assert_allclose(PathContributions(booster).of(features), by_xgboost(booster, features), atol=1e-4)


def test_the_booster_itself_stays_as_it_was() -> None:
    booster = booster_of(MODELS["binary"])
    before = booster.save_raw()
    PathContributions(booster).of(rows(10, seed=1))
    assert booster.save_raw() == before


@pytest.mark.parametrize("parameters", [MODELS["regression"], {"objective": "reg:squarederror", "booster": "dart"}])
def test_where_tables_do_not_fit_xgboost_computes_them(
    parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_contributions, "MAX_TABLES", 10)
    booster, features = booster_of(parameters), rows(50, seed=1)
    assert np.array_equal(PathContributions(booster).of(features), by_xgboost(booster, features))


@pytest.mark.parametrize("top", [1, 3, 6, 9])
def test_the_strongest_are_the_largest_by_absolute_value(top: int) -> None:
    contributions = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32)
    ranks = list(strongest(contributions, top))
    assert len(ranks) == min(top, 6)
    order = np.argsort(-np.abs(contributions), axis=1)
    for rank, (indices, values) in enumerate(ranks):
        assert np.array_equal(indices, order[:, rank])
        assert np.array_equal(values, contributions[np.arange(200), indices])
