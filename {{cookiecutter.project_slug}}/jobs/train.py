"""Job: train a model (SageMaker script mode: hyperparameters as arguments, folders from SM_* variables).

python jobs/train.py --help
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from mlops_jobs.artifact import RECORD, Model, load_fitted, model_files, save_model
from mlops_jobs.decision import choose_decision
from mlops_jobs.errors import run_job
from mlops_jobs.feature_files import TRAIN_FILE, VALIDATION_FILE, LabelledFeatures
from mlops_jobs.metric_names import metric_line
from mlops_jobs.outputs import Outputs
from mlops_jobs.scores import Scores

from hyperparameters import HYPERPARAMETERS
from metrics import all_metrics, one_metric, own_metrics
from model import Estimator

SCRIPTS = Path(__file__).parent


def with_decision(model: Model, validation: LabelledFeatures) -> Model:
    """The model with the decision threshold that is best on a split for the contract's aim, where it has one.

    Raises:
        UserError: no threshold reaches what the aim demands.
    """
    if model.contract.decision is None:
        return model
    actual, scores = scored(model, validation)
    own = own_metrics(model.contract)
    decision = choose_decision(model.contract.decision, actual, scores, own, str(validation.path))
    return replace(model, decision=decision)


def validation_metric(model: Model, validation: LabelledFeatures) -> float:
    """The contract's metric of a model on a split.

    Raises:
        DataError: the split's rows do not define the metric.
    """
    found = all_metrics(model.contract, *scored(model, validation))
    return one_metric(model.contract.metric, found, str(validation.path))


def scored(model: Model, validation: LabelledFeatures) -> tuple[np.ndarray, Scores]:
    """The target of a split's rows, and the model's predictions for them."""
    actual, parts = [], []
    for rows in validation.batches():
        parts.append(model.score(rows.features))
        actual.append(rows.target)
    return np.concatenate(actual), Scores.concatenate(parts)


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, train, write the artifact."""
    arguments = _parser().parse_args(argv)
    contract, preprocessor = load_fitted(arguments.preprocessor)
    training = LabelledFeatures(arguments.train / TRAIN_FILE, contract, preprocessor, weighted=True)
    validation = LabelledFeatures(arguments.validation / VALIDATION_FILE, contract, preprocessor)
    hyperparameters = {name: getattr(arguments, name) for name in HYPERPARAMETERS}
    folder = arguments.model_dir
    reads = [arguments.train, arguments.validation, arguments.preprocessor, SCRIPTS]
    replaces = [*model_files(folder, Estimator, SCRIPTS), folder / RECORD]
    with Outputs(reads, replaces) as outputs:
        estimator = Estimator.train(training, validation, **hyperparameters)
        model = with_decision(Model(estimator, preprocessor, contract), validation)
        value = validation_metric(model, validation)
        save_model(outputs, folder, model, SCRIPTS)
        record = {
            "hyperparameters": hyperparameters,
            "rounds": estimator.rounds,
            f"validation:{contract.metric}": value,
        }
        outputs.write_json(folder / RECORD, record)
    if model.decision:
        print(model.decision.sentence)
    print(f"rounds kept: {estimator.rounds}")
    print(f"{contract.metric} on the validation split: {value:.6g}")
    # the last one counts
    print(metric_line(contract.problem_type, contract.main_metric, value, estimator.rounds))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train the model of model.py on the features that preprocess.py made.")
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
    group = parser.add_argument_group("hyperparameters")
    for name, hyperparameter in HYPERPARAMETERS.items():
        # SageMaker's training toolkit passes a name of one letter with one hyphen
        flags = [f"--{name}"] if len(name) > 1 else [f"--{name}", f"-{name}"]
        group.add_argument(*flags, type=type(hyperparameter.default), default=hyperparameter.default)
    return parser


if __name__ == "__main__":
    run_job(main)
