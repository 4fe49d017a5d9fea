"""Job: judge a model on the test split, against its threshold and against the champion where there is one.

python jobs/evaluate.py --help
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mlops_jobs.artifact import Model, OtherEstimatorError, load_model
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError, run_job
from mlops_jobs.guessing import gain_over_guessing, reached_by_guessing
from mlops_jobs.input_files import csv_files, visible
from mlops_jobs.metric_names import gain, meets
from mlops_jobs.outputs import Outputs
from mlops_jobs.scores import Scores

from metrics import all_metrics, one_metric
from model import Estimator
from plots import draw_evaluation

# the names of metrics in SageMaker's model registry
METRICS_GROUP = {
    "regression": "regression_metrics",
    "binary": "binary_classification_metrics",
    "multiclass": "multiclass_classification_metrics",
}


@dataclass(frozen=True)
class Judgement:
    """The metrics of a model on n labelled rows.

    Attributes:
        actual: the target, or the index of the class; shape (n,).
        scores: the model's predictions.
        metrics: every metric that fits the problem.
    """

    actual: np.ndarray
    scores: Scores
    metrics: dict[str, float]


def judge(model: Model, test_dir: Path) -> Judgement:
    """Let a model predict the raw test rows with its own preprocessor, and measure it.

    Raises:
        DataError: the rows do not keep the model's contract.
    """
    contract = model.contract.as_written
    actual, parts = [], []
    for path in csv_files(test_dir):
        for batch in CsvStream(path, contract, contract.labelled_columns):
            parts.append(model.score(model.preprocessor.transform(batch)))
            target = batch.column(contract.target)
            if contract.is_classification:
                actual.append(model.preprocessor.class_indices(target, path, contract))
            else:
                actual.append(target.to_numpy(zero_copy_only=False))
    scores, actual_values = Scores.concatenate(parts), np.concatenate(actual)
    return Judgement(actual_values, scores, all_metrics(contract.problem_type, actual_values, scores))


def evaluation(
    model: Model, judgement: Judgement, threshold: float, comparison: dict[str, Any], where: str
) -> dict[str, Any]:
    """The content of evaluation.json, its first key in the schema of SageMaker's model metrics.

    `baseline` is what the best constant prediction reaches on the same rows; a model that does not beat it is not
    registered, whatever the threshold. `baseline_gain` is by how much the model is better.

    Raises:
        DataError: the test rows do not define the contract's metric.
    """
    metric = model.contract.metric
    value = one_metric(metric, judgement.metrics, where)
    guessing = reached_by_guessing(model.contract.problem_type, judgement.actual)
    gained = gain_over_guessing(metric, value, guessing)
    return {
        METRICS_GROUP[model.contract.problem_type]: {
            name: {"value": found} for name, found in judgement.metrics.items()
        },
        "metric": metric,
        "value": value,
        "threshold": threshold,
        "met": meets(metric, value, threshold),
        "baseline": guessing[metric],
        "baseline_gain": gained,
        "beats_baseline": gained > 0,
        "rows": len(judgement.actual),
        "champion": comparison,
    }


def compare(
    model: Model, judgement: Judgement, champion: Model | OtherEstimatorError | None, test_dir: Path
) -> dict[str, Any]:
    """How much better a model is than the champion on the same rows; always in the same shape, for a pipeline to read.

    `gain` is negative where the model is worse, and `shortfall` is by how much; 0 where it is not.

    A champion may be unable to read these rows, since the contract, the classes or the estimator have changed. That
    does not count against its successor: nothing is compared, and `why` is the reason.
    """
    metric = model.contract.metric
    try:
        if champion is None:
            raise UserError("there is no champion yet")
        if isinstance(champion, OtherEstimatorError):
            raise champion
        theirs = judge(champion, test_dir).metrics
        ours = one_metric(metric, judgement.metrics, str(test_dir))
        gained = gain(metric, ours, one_metric(metric, theirs, str(test_dir)))
    except UserError as error:
        return {"compared": False, "why": str(error), "gain": 0.0, "shortfall": 0.0, "metrics": {}}
    shortfall = max(0.0, -gained)
    return {"compared": True, "why": "", "gain": gained, "shortfall": shortfall, "metrics": theirs}


def find_champion(folder: Path | None) -> Model | OtherEstimatorError | None:
    """The champion, where its folder is given and not empty: before the first approval there is none.

    An error is returned for a champion that another model.py trained.
    """
    try:
        return load_model(folder, Estimator) if folder and visible(folder) else None
    except OtherEstimatorError as error:
        return error


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, judge, write evaluation.json and the plots."""
    parser = argparse.ArgumentParser(description="Judge a model on the test split.")
    parser.add_argument("--test-dir", type=Path, required=True, help="folder of test.csv")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.tar.gz or its files")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for evaluation.json and the plots")
    parser.add_argument("--champion-dir", type=Path, help="folder with the champion; left out or empty: none yet")
    parser.add_argument("--threshold", type=float, help="instead of the contract's")
    arguments = parser.parse_args(argv)
    result = arguments.output_dir / "evaluation.json"
    with Outputs(reads=[arguments.test_dir, arguments.model_dir], replaces=[result]) as outputs:
        model, champion = load_model(arguments.model_dir, Estimator), find_champion(arguments.champion_dir)
        threshold = model.contract.threshold_or(arguments.threshold)
        judgement = judge(model, arguments.test_dir)
        comparison = compare(model, judgement, champion, arguments.test_dir)
        content = evaluation(model, judgement, threshold, comparison, where=str(arguments.test_dir))
        draw_evaluation(outputs, arguments.output_dir, model, judgement.actual, judgement.scores)
        outputs.write_json(result, content)
    verdict = "meets" if content["met"] else "misses"
    against = f"{verdict} the threshold {content['threshold']:g} on {content['rows']} test rows"
    constant = f"a constant prediction reaches {content['baseline']:.4g}"
    worse = "" if content["beats_baseline"] else ", and the model is no better"
    print(f"{content['metric']} {content['value']:.4g} {against}; {constant}{worse}")


if __name__ == "__main__":
    run_job(main)
