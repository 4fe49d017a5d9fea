"""Job: judge a model on the test split, against its threshold and against the champion where there is one.

python jobs/evaluate.py --help
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from artifact import ARCHIVE, MODEL, Model, load_model
from csv_stream import CsvStream, csv_files
from errors import run_job
from metrics import Scores, all_metrics, gain, meets, one_metric
from outputs import Outputs
from plots import draw_evaluation


@dataclass(frozen=True)
class Judgement:
    """What a model was found to be worth on n labelled rows.

    Attributes:
        actual: the target, or the index of the class; shape (n,).
        scores: what the model said.
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
                actual.append(model.preprocessor.class_indices(target, str(path)))
            else:
                actual.append(target.to_numpy(zero_copy_only=False))
    scores, actual_values = Scores.concatenate(parts), np.concatenate(actual)
    return Judgement(actual_values, scores, all_metrics(contract.problem_type, actual_values, scores))


def evaluation(
    model: Model, judgement: Judgement, threshold: float, champion: Judgement | None, where: str
) -> dict[str, Any]:
    """The content of evaluation.json, its first key in the schema of SageMaker's model metrics.

    Raises:
        DataError: the test rows do not define the contract's metric.
    """
    metric = model.contract.metric
    value = one_metric(metric, judgement.metrics, where)
    group = {"binary": "binary_classification"}.get(model.contract.problem_type)
    group = group or {"multiclass": "multiclass_classification"}.get(model.contract.problem_type, "regression")
    content: dict[str, Any] = {
        f"{group}_metrics": {name: {"value": found} for name, found in judgement.metrics.items()},
        "metric": metric,
        "value": value,
        "threshold": threshold,
        "met": meets(metric, value, threshold),
        "rows": len(judgement.actual),
        "champion": None,
    }
    if champion:
        reference = one_metric(metric, champion.metrics, where)
        content["champion"] = {
            "value": reference,
            "gain": gain(metric, value, reference),
            "metrics": champion.metrics,
        }
    return content


def find_champion(folder: Path | None) -> Model | None:
    """The champion, where its folder is given and not empty: before the first approval there is none."""
    if folder is None or not ((folder / MODEL).exists() or (folder / ARCHIVE).exists()):
        return None
    return load_model(folder)


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, judge, write evaluation.json and the plots."""
    parser = argparse.ArgumentParser(description="Judge a model on the test split.")
    parser.add_argument("--test-dir", type=Path, required=True, help="folder of test.csv")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.tar.gz or its files")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for evaluation.json and the plots")
    parser.add_argument("--champion-dir", type=Path, help="folder with the champion; left out or empty: none yet")
    parser.add_argument("--threshold", type=float, help="instead of the contract's")
    arguments = parser.parse_args(argv)
    model, champion = load_model(arguments.model_dir), find_champion(arguments.champion_dir)
    judgement = judge(model, arguments.test_dir)
    content = evaluation(
        model,
        judgement,
        threshold=model.contract.threshold if arguments.threshold is None else arguments.threshold,
        champion=judge(champion, arguments.test_dir) if champion else None,
        where=str(arguments.test_dir),
    )
    with Outputs() as outputs:
        draw_evaluation(outputs, arguments.output_dir, model, judgement.actual, judgement.scores)
        outputs.write_json(arguments.output_dir / "evaluation.json", content)
    verdict = "meets" if content["met"] else "misses"
    against = f"{verdict} the threshold {content['threshold']:g} on {content['rows']} test rows"
    print(f"{content['metric']} {content['value']:.4g} {against}")


if __name__ == "__main__":
    run_job(main)
