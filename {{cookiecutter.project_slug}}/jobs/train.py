"""Job: train an XGBoost model (SageMaker script mode: hyperparameters as arguments, folders from SM_* variables).

python jobs/train.py --help
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost as xgb
from mlops_jobs.artifact import load_fitted
from mlops_jobs.contract import Contract
from mlops_jobs.errors import run_job
from mlops_jobs.feature_files import TRAIN_FILE, VALIDATION_FILE, FeatureFile
from mlops_jobs.metric_names import early_stopping_metric, metric_line
from mlops_jobs.outputs import Outputs
from mlops_jobs.preprocessor import Preprocessor
from mlops_jobs.scores import Scores

from hyperparameters import BOOSTER, HYPERPARAMETERS
from metrics import all_metrics, one_metric
from model import Model, model_files, save_model

RECORD = "training.json"  # beside the model: how it was trained
OBJECTIVES = {"regression": "reg:squarederror", "binary": "binary:logistic", "multiclass": "multi:softprob"}


class FeatureBatches(xgb.DataIter):
    """Feed XGBoost the Parquet file of a split batch by batch, so that memory holds bins and not rows."""

    def __init__(self, path: Path, contract: Contract, preprocessor: Preprocessor) -> None:
        super().__init__(release_data=True)
        self._file = FeatureFile(path, preprocessor)
        self._contract, self._preprocessor = contract, preprocessor
        self._batches: Iterator[tuple[pa.RecordBatch, np.ndarray]] = iter(())

    def reset(self) -> None:
        """Begin again at the first row."""
        self._batches = self._file.batches()

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Pass the next batch to XGBoost; False at the end."""
        following = next(self._batches, None)
        if following is None:
            return False
        batch, features = following
        input_data(
            data=features,
            label=batch.column(self._contract.target).to_numpy(),
            feature_names=list(self._preprocessor.features),
            feature_types=self._preprocessor.feature_types,
        )
        return True


def train(
    train_file: Path,
    validation_file: Path,
    contract: Contract,
    preprocessor: Preprocessor,
    hyperparameters: dict[str, Any],
    *,
    num_round: int,
    early_stopping_rounds: int,
) -> tuple[Model, float]:
    """Train until the validation split gets no better, and keep the best round.

    Returns:
        the model, and the contract's metric on the validation split.
    """
    training = xgb.QuantileDMatrix(FeatureBatches(train_file, contract, preprocessor), enable_categorical=True)
    validation = xgb.QuantileDMatrix(
        FeatureBatches(validation_file, contract, preprocessor), ref=training, enable_categorical=True
    )
    watched = early_stopping_metric(contract.problem_type, contract.metric)
    multiclass = {"num_class": len(preprocessor.classes)} if contract.problem_type == "multiclass" else {}
    booster = xgb.train(
        {
            "objective": OBJECTIVES[contract.problem_type],
            "eval_metric": watched,
            **multiclass,
            **hyperparameters,
        },
        training,
        num_boost_round=num_round,
        evals=[(training, "train"), (validation, "validation")],
        early_stopping_rounds=early_stopping_rounds,
        verbose_eval=25,
    )
    model = Model(booster[: booster.best_iteration + 1], preprocessor, contract)
    return model, validation_metric(model, validation_file)


def validation_metric(model: Model, path: Path) -> float:
    """The contract's metric of a model on a split's features.

    Raises:
        DataError: the split's rows do not define the metric.
    """
    actual, parts = [], []
    for batch, features in FeatureFile(path, model.preprocessor).batches():
        parts.append(model.score(features))
        actual.append(batch.column(model.contract.target).to_numpy())
    found = all_metrics(model.contract.problem_type, np.concatenate(actual), Scores.concatenate(parts))
    return one_metric(model.contract.metric, found, str(path))


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, train, write the artifact."""
    arguments = _parser().parse_args(argv)
    contract, preprocessor = load_fitted(arguments.preprocessor)
    hyperparameters = {name: getattr(arguments, name) for name in BOOSTER}
    folder = arguments.model_dir
    reads = [arguments.train, arguments.validation, arguments.preprocessor, Path(__file__).parent]
    replaces = [*model_files(folder), folder / RECORD]
    with Outputs(reads, replaces) as outputs:
        model, value = train(
            arguments.train / TRAIN_FILE,
            arguments.validation / VALIDATION_FILE,
            contract,
            preprocessor,
            hyperparameters,
            num_round=arguments.num_round,
            early_stopping_rounds=arguments.early_stopping_rounds,
        )
        save_model(outputs, folder, model)
        rounds = model.booster.num_boosted_rounds()
        record = {
            "hyperparameters": hyperparameters,
            "rounds": rounds,
            f"validation:{contract.metric}": value,
        }
        outputs.write_json(folder / RECORD, record)
    print(f"kept the best {rounds} rounds of at most {arguments.num_round}")
    print(f"{contract.metric} on the validation split: {value:.6g}")
    print(metric_line(contract.problem_type, contract.metric, value, rounds))  # last: it counts, and not XGBoost's own


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train an XGBoost model on the features that preprocess.py made.")
    for name, variable, holds in (
        ("--train", "SM_CHANNEL_TRAIN", TRAIN_FILE),
        ("--validation", "SM_CHANNEL_VALIDATION", VALIDATION_FILE),
        ("--preprocessor", "SM_CHANNEL_PREPROCESSOR", "what preprocess.py fit learned"),
        ("--model-dir", "SM_MODEL_DIR", "the model artifact"),
    ):
        default = os.environ.get(variable)
        parser.add_argument(
            name,
            type=Path,
            default=default,
            required=default is None,
            help=f"folder for {holds} (${variable})",
        )
    boosting = parser.add_argument_group("hyperparameters, under XGBoost's own names")
    for name, hyperparameter in HYPERPARAMETERS.items():
        boosting.add_argument(f"--{name}", type=type(hyperparameter.default), default=hyperparameter.default)
    return parser


if __name__ == "__main__":
    run_job(main)
