"""The model that a new project starts with: XGBoost, in the template's jobs/model.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_jobs.artifact import Model
from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.feature_files import LabelledFeatures, parquet_writer, stamped
from mlops_jobs.preprocessor import Preprocessor

JOBS = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "jobs"
CONTRACT = parse_contract(
    """
dataset: prices
problem_type: regression
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: area, role: numeric}
  - {name: age, role: numeric}
  - {name: district, role: categorical}
  - {name: price, role: target}
metric: mae
threshold: 3.5
"""
)
PREPROCESSOR = Preprocessor(CONTRACT.features, {"area": 0.0, "age": 0.0}, {"district": ("A", "B", "C")}, ())
FEW_ROUNDS = {"num_round": 200, "early_stopping_rounds": 10, "eta": 0.9, "max_depth": 8, "seed": 1}


def loaded(name: str) -> ModuleType:
    """A module of the template's jobs, under a name that no other module has."""
    spec = importlib.util.spec_from_file_location(f"default_{name}", JOBS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


model = loaded("model")


def split(folder: Path, rows: int, seed: int, contract: Contract = CONTRACT) -> LabelledFeatures:
    """Rows whose price depends on the area and the district, and on chance."""
    random = np.random.default_rng(seed)
    area, age = random.random(rows), random.random(rows)
    district = random.integers(0, 3, rows)
    price = 10 * area + 3 * district + random.normal(0, 1, rows)
    columns: dict[str, Any] = {"area": area, "age": age, "district": district}
    table = pa.table({name: pa.array(values, pa.float32()) for name, values in columns.items()} | {"price": price})
    path = folder / f"{seed}.parquet"
    with parquet_writer(path, stamped(table.schema, PREPROCESSOR)) as writer:
        writer.write_table(table.cast(stamped(table.schema, PREPROCESSOR)))
    return LabelledFeatures(path, contract, PREPROCESSOR)


def mean_error(estimator: Any, rows: LabelledFeatures) -> float:
    features, target, _ = rows.read()
    return float(np.abs(Model(estimator, PREPROCESSOR, CONTRACT).score(features).predicted - target).mean())


def test_early_stopping_keeps_the_best_round(tmp_path: Path) -> None:
    validation = split(tmp_path, 100, seed=2)
    estimator = model.Estimator.train(split(tmp_path, 300, seed=1), validation, **FEW_ROUNDS)
    assert estimator.rounds < 190
    errors = [mean_error(model.Estimator(estimator.booster[:n]), validation) for n in range(1, estimator.rounds + 1)]
    assert int(np.argmin(errors)) == estimator.rounds - 1


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    training, validation = split(tmp_path, 300, seed=1), split(tmp_path, 100, seed=2)
    first, second = (model.Estimator.train(training, validation, **FEW_ROUNDS) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()


def test_the_booster_knows_names_and_kinds_of_its_features(tmp_path: Path) -> None:
    estimator = model.Estimator.train(split(tmp_path, 300, seed=1), split(tmp_path, 100, seed=2), **FEW_ROUNDS)
    again = model.Estimator.from_bytes(estimator.to_bytes())
    assert again.booster.feature_names == list(CONTRACT.features)
    assert again.booster.feature_types == ["q", "q", "c"]


def test_a_feature_that_the_target_depends_on_is_more_important_than_noise(tmp_path: Path) -> None:
    few = FEW_ROUNDS | {"eta": 0.1, "max_depth": 3}
    estimator = model.Estimator.train(split(tmp_path, 300, seed=1), split(tmp_path, 100, seed=2), **few)
    area, age, district = estimator.importance()
    assert min(area, district) > 3 * age


@pytest.mark.parametrize(
    ("problem_type", "metric", "watched"),
    [
        ("regression", "mae", "mae"),
        ("regression", "r2", "rmse"),
        ("binary", "f1", "logloss"),
        ("binary", "roc_auc", "auc"),
        ("multiclass", "f1_macro", "mlogloss"),
    ],
)
def test_training_watches_the_metric_itself_or_its_nearest_kin(problem_type: str, metric: str, watched: str) -> None:
    assert model.early_stopping_metric(problem_type, metric) == watched
