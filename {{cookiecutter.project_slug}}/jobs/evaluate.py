"""Job: judge a model on the test split: its metric, its gates, and against the champion where there is one.

python jobs/evaluate.py --help
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from mlops_jobs.artifact import Model, OtherEstimatorError, load_model, read_record
from mlops_jobs.class_quality import by_class
from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.decision import decision_of
from mlops_jobs.errors import DataError, UserError, run_job
from mlops_jobs.explanations import mean_contributions
from mlops_jobs.gates import Judged, group_names, judge_gates
from mlops_jobs.guessing import gain_over_guessing, reached_by_guessing
from mlops_jobs.input_files import csv_files, visible
from mlops_jobs.model_card import FILE, card_parts
from mlops_jobs.outputs import Outputs
from mlops_jobs.scores import Scores

from metrics import all_metrics, measured, one_metric, own_metrics
from model import Estimator
from plots import draw_evaluation, draw_explanations

# the names of metrics in SageMaker's model registry
METRICS_GROUP = {
    "regression": "regression_metrics",
    "binary": "binary_classification_metrics",
    "multiclass": "multiclass_classification_metrics",
}


def judge(model: Model, test_dir: Path, judged_by: Contract | None = None) -> Judged:
    """Let a model predict the raw test rows with its own preprocessor, and measure it.

    Args:
        model: the model.
        test_dir: the folder of the test rows.
        judged_by: the contract whose metrics count, without groups; left out: the model's own, with its groups.

    Raises:
        DataError: the rows do not keep the model's contract.
    """
    contract = model.contract.as_written
    columns = () if judged_by else tuple(dict.fromkeys(gate.by for gate in contract.gates if gate.by))
    actual, parts = [], []
    groups: dict[str, list[np.ndarray]] = {name: [] for name in columns}
    for path in csv_files(test_dir):
        for batch in CsvStream(path, contract, contract.labelled_columns):
            parts.append(model.score(model.preprocessor.transform(batch)))
            target = batch.column(contract.target)
            if contract.is_classification:
                actual.append(model.preprocessor.class_indices(target, path, contract))
            else:
                actual.append(target.to_numpy(zero_copy_only=False))
            for name in columns:
                groups[name].append(_group_column(model, batch, name))
    scores, values = Scores.concatenate(parts), np.concatenate(actual)
    metrics = all_metrics(judged_by or contract, values, scores)
    return Judged(values, scores, metrics, {name: np.concatenate(found) for name, found in groups.items()})


def evaluation(
    model: Model, judgement: Judged, threshold: float, comparison: dict[str, Any], where: str
) -> dict[str, Any]:
    """The content of evaluation.json, its first key in the schema of SageMaker's model metrics.

    `baseline` is what the best constant prediction reaches on the same rows; a model that does not beat it is not
    registered, whatever the threshold. `baseline_gain` is by how much the model is better. `gates` is as `judge_gates`
    returns it.

    Raises:
        DataError: the test rows do not define the contract's metric.
    """
    metric = model.contract.main_metric
    value = one_metric(metric.name, judgement.metrics, where)
    guessing = reached_by_best_constant(model, judgement, where)
    gained = gain_over_guessing(metric, value, guessing)
    return {
        METRICS_GROUP[model.contract.problem_type]: {
            name: {"value": found} for name, found in judgement.metrics.items()
        },
        "metric": metric.name,
        "lower_is_better": metric.lower_is_better,
        "value": value,
        "threshold": threshold,
        "met": metric.meets(value, threshold),
        "baseline": guessing,
        "baseline_gain": gained,
        "beats_baseline": gained > 0,
        "rows": len(judgement.actual),
        "classes": by_class(judgement.actual, judgement.scores.predicted, model.preprocessor.classes),
        **({"decision": decision_of(model.decision)} if model.contract.problem_type == "binary" else {}),
        "gates": judge_gates(model.contract, judgement, partial(measured, model.contract)),
        "champion": comparison,
    }


def reached_by_best_constant(model: Model, judgement: Judged, where: str) -> float:
    """What the best constant prediction reaches by the contract's metric.

    Raises:
        DataError: the rows do not define the metric.
    """
    contract, name = model.contract, model.contract.metric
    if own := own_metrics(contract).get(name):
        found = own.reached_by_constants(contract.problem_type, judgement.actual, len(model.preprocessor.classes))
        if math.isnan(found):
            raise DataError(f"{where}: {name} is not defined for any constant prediction; see docs/metrics.md")
        return found
    return reached_by_guessing(contract.problem_type, judgement.actual)[name]


def compare(
    model: Model, judgement: Judged, champion: Model | OtherEstimatorError | None, test_dir: Path
) -> dict[str, Any]:
    """How much better a model is than the champion on the same rows; always in the same shape, for a pipeline to read.

    `gain` is negative where the model is worse, and `shortfall` is by how much; 0 where it is not.

    A champion may be unable to read these rows, since the contract, the classes or the estimator have changed. That
    does not count against its successor: nothing is compared, and `why` is the reason.
    """
    metric = model.contract.main_metric
    try:
        if champion is None:
            raise UserError("there is no champion yet")
        if isinstance(champion, OtherEstimatorError):
            raise champion
        theirs = judge(champion, test_dir, judged_by=model.contract).metrics
        ours = one_metric(metric.name, judgement.metrics, str(test_dir))
        gained = metric.gain(ours, one_metric(metric.name, theirs, str(test_dir)))
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


def _group_column(model: Model, batch: pa.RecordBatch, name: str) -> np.ndarray:
    """The groups of a batch by a column of the file, or by one that features.py adds."""
    if name not in batch.schema.names:
        batch = model.preprocessor.own_features.add(batch)
    return group_names(batch.column(name), are_truth_values=name in model.contract.booleans)


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, judge, write evaluation.json, the model card's part of it, and the plots."""
    parser = argparse.ArgumentParser(description="Judge a model on the test split.")
    parser.add_argument("--test-dir", type=Path, required=True, help="folder of test.csv")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.tar.gz or its files")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for evaluation.json and the plots")
    parser.add_argument("--champion-dir", type=Path, help="folder with the champion; left out or empty: none yet")
    parser.add_argument("--threshold", type=float, help="instead of the contract's")
    arguments = parser.parse_args(argv)
    result, card = (arguments.output_dir / name for name in ("evaluation.json", FILE))
    with Outputs(reads=[arguments.test_dir, arguments.model_dir], replaces=[result, card]) as outputs:
        model, champion = load_model(arguments.model_dir, Estimator), find_champion(arguments.champion_dir)
        threshold = model.contract.threshold_or(arguments.threshold)
        judgement = judge(model, arguments.test_dir)
        comparison = compare(model, judgement, champion, arguments.test_dir)
        content = evaluation(model, judgement, threshold, comparison, where=str(arguments.test_dir))
        content["explanations"] = mean_contributions(model, arguments.test_dir)
        draw_evaluation(outputs, arguments.output_dir, model, judgement.actual, judgement.scores)
        draw_explanations(outputs, arguments.output_dir, content["explanations"])
        outputs.write_json(result, content)
        outputs.write_json(card, card_parts(content, read_record(arguments.model_dir)))
    verdict = "meets" if content["met"] else "misses"
    against = f"{verdict} the threshold {content['threshold']:g} on {content['rows']} test rows"
    constant = f"a constant prediction reaches {content['baseline']:.4g}"
    worse = "" if content["beats_baseline"] else ", and the model is no better"
    missed = f".{content['gates']['sentence']}".removesuffix(".")
    print(f"{content['metric']} {content['value']:.4g} {against}; {constant}{worse}{missed}")


if __name__ == "__main__":
    run_job(main)
