"""Job: write the features of a predicted batch for the data-quality check, and count what the model cannot use.

Inputs and predictions are held side by side first: what is checked is what was predicted, row by row. Unseen and
respelled categories, missing cells and numbers below zero are counted into a file that lambdas/report_data_quality
judges together with the monitor's results. So the constraints are handed on without those that such cells break by
chance.

python jobs/quality_input.py --help
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from mlops_jobs.artifact import load_fitted
from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError, run_job
from mlops_jobs.input_files import SHARDED, csv_files
from mlops_jobs.monitor_files import monitored, tolerant
from mlops_jobs.outputs import CsvOutput, Outputs
from mlops_jobs.prediction_files import read_predictions
from mlops_jobs.preprocessor import Preprocessor
from mlops_jobs.serving_counts import ServingCounts

CONSTRAINTS = "constraints.json"


@dataclass(frozen=True)
class Folders:
    """Where the job reads and writes; `counts` and `constraints` may be left out.

    Attributes:
        inputs: the files that were predicted.
        predictions: their predictions, and maybe others.
        features: one file for each input.
        counts: a file with what was counted, named after the first input: several instances write to one place.
        baseline: the constraints.json of the model's baseline.
        constraints: the constraints.json that the check is to use.
    """

    inputs: Path
    predictions: Path
    features: Path
    counts: Path | None = None
    baseline: Path | None = None
    constraints: Path | None = None


def quality_input(
    folders: Folders, contract: Contract, preprocessor: Preprocessor, *, sharded: bool = False
) -> dict[str, Any]:
    """Write for each file of inputs one CSV file with the features of its rows, all of which have been predicted.

    Args:
        folders: where to read and write.
        contract: what the rows are.
        preprocessor: the model's, which adds columns to the rows and knows the categories.
        sharded: whether several instances share the files; then the folder of inputs may be empty.

    Returns:
        what was counted: rows, and the counts by check and column.

    Raises:
        DataError: inputs without predictions, or predictions of other rows; then nothing is written.
    """
    counts = ServingCounts(preprocessor)
    targets = {path: folders.features / f"{path.stem}.csv" for path in csv_files(folders.inputs, sharded=sharded)}
    others = {
        "counts": folders.counts / f"{next(iter(targets)).stem}.json" if folders.counts and targets else None,
        "constraints": folders.constraints / CONSTRAINTS if folders.constraints else None,
    }
    replaces = [*targets.values(), *filter(None, others.values())]
    with Outputs(reads=[folders.inputs, folders.predictions], replaces=replaces) as outputs:
        for path, final in targets.items():
            source = folders.predictions / f"{path.stem}.csv"
            _write_features(path, source, contract, preprocessor, counts, outputs.path(final))
        if others["counts"]:
            outputs.write_json(others["counts"], counts.as_dict())
        if others["constraints"] and folders.baseline:
            outputs.write_json(others["constraints"], _constraints(folders.baseline, preprocessor))
    return counts.as_dict()


def _write_features(
    path: Path, source: Path, contract: Contract, preprocessor: Preprocessor, counts: ServingCounts, target: Path
) -> None:
    """Write the features of the rows of `path`, whose predictions are in `source`, and count them."""
    start, predictions = 0, read_predictions(source, contract)
    with CsvOutput(target) as output:
        for batch in CsvStream(path, contract, contract.file_columns(labelled=False)):
            matching = predictions.slice(start, batch.num_rows)
            start += batch.num_rows
            if len(matching) < batch.num_rows:
                break
            if contract.id and not matching[contract.id].combine_chunks().equals(batch.column(contract.id)):
                raise DataError(f"{source}: has other ids than {path}, or in another order; predict the file again")
            rows = preprocessor.own_features.add(batch)
            counts.add(rows)
            output.write(_as_baseline(rows.select(contract.baseline_columns), preprocessor))
    if start != len(predictions):
        raise DataError(f"{source}: has {len(predictions)} rows and {path} has another number; predict the file again")


def _as_baseline(rows: pa.RecordBatch, preprocessor: Preprocessor) -> pa.RecordBatch:
    """The rows in the form of the model's baseline; up to release 0.4.0, the monitor got the cells as they are."""
    return monitored(rows) if preprocessor.expected else rows


def _constraints(baseline: Path, preprocessor: Preprocessor) -> dict[str, Any]:
    """The constraints to check with: all of them for a model that does not know how many unseen cells are normal."""
    try:
        content: dict[str, Any] = json.loads((baseline / CONSTRAINTS).read_text(encoding="utf-8"))
        return tolerant(content) if preprocessor.expected else content
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{baseline}: holds no {CONSTRAINTS} of the model monitor ({error!r}); approve a model of the training "
            "pipeline"
        ) from error


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do the job."""
    arguments = _parser().parse_args(argv)
    contract, preprocessor = load_fitted(arguments.artifact_dir)
    folders = Folders(
        inputs=arguments.input_dir,
        predictions=arguments.predictions_dir,
        features=arguments.output_dir,
        counts=arguments.counts_dir,
        baseline=arguments.baseline_dir,
        constraints=arguments.constraints_dir,
    )
    counted = quality_input(folders, contract, preprocessor, sharded=arguments.sharded)
    for entry in counted["counts"]:
        print(f"{entry['column']}: {entry['check']} {entry['count']} ({entry['share']:.1%})")
    print(f"rows: {counted['rows']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write the features of a predicted batch for the data-quality check.")
    parser.add_argument("--input-dir", type=Path, required=True, help="folder of the CSV files that were predicted")
    parser.add_argument("--predictions-dir", type=Path, required=True, help="folder of predictions (.csv or .csv.out)")
    parser.add_argument("--artifact-dir", type=Path, required=True, help="folder with the model.tar.gz that predicted")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for one .csv file an input")
    parser.add_argument(
        "--counts-dir", type=Path, help="folder for the counts of unseen, respelled, missing and negative cells"
    )
    parser.add_argument("--baseline-dir", type=Path, help="folder with the constraints.json of the model's baseline")
    parser.add_argument("--constraints-dir", type=Path, help="folder for the constraints.json to check with")
    parser.add_argument("--sharded", action="store_true", help=SHARDED)
    return parser


if __name__ == "__main__":
    run_job(main)
