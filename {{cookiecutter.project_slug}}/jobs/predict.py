"""Job: batch inference. One file of predictions for each input file, so that instances can each take a shard.

python jobs/predict.py --help
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from mlops_jobs.artifact import Model, load_model
from mlops_jobs.contract import PREDICTION, PROBABILITY
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError, run_job
from mlops_jobs.explanations import explained
from mlops_jobs.feature_files import FeatureFile
from mlops_jobs.input_files import SHARDED, files_of
from mlops_jobs.outputs import CsvOutput, Outputs
from mlops_jobs.preprocessor import Tally
from mlops_jobs.read_ahead import read_ahead
from mlops_jobs.report import print_report
from mlops_jobs.scores import Scores
from mlops_jobs.unique_ids import unique_rows

from model import Estimator


def predict(input_dir: Path, model: Model, output_dir: Path, *, sharded: bool = False, explain: int = 0) -> Tally:
    """Predict the rows of each file in a folder: raw rows in .csv, or features of `preprocess.py apply` in .parquet.

    Writes for each input a CSV file of the same name with a row for each row, in order: the id where the data has one,
    `prediction`, and for classes `probability_<class>` each; with explanations, `explanation_<rank>` and
    `contribution_<rank>`, which are a feature and what it adds to the prediction.

    Args:
        input_dir: the folder of files to predict.
        model: predicts them.
        output_dir: where the predictions go.
        sharded: whether several instances share the files; then the folder may be empty.
        explain: the number of features to explain each prediction with.

    Returns:
        the rows predicted, and what was handled in the cells of raw rows.

    Raises:
        DataError: a file does not keep the contract, or there is none; then nothing is written.
    """
    tally = Tally()
    inputs = files_of(input_dir, ".csv", ".parquet", sharded=sharded)
    targets = {path: output_dir / f"{path.stem}.csv" for path in inputs}
    with Outputs(reads=[input_dir], replaces=targets.values()) as outputs:
        for path, final in targets.items():
            with CsvOutput(outputs.path(final)) as predictions:
                for table in read_ahead(_predicted(path, model, tally, explain)):
                    predictions.write(table)
    return tally


def as_table(model: Model, ids: pa.Array | None, scores: Scores) -> pa.Table:
    """Lay out the predictions of a batch as they are written."""
    columns = {} if ids is None else {model.contract.id: ids}
    if scores.probabilities is None:
        return pa.table(columns | {PREDICTION: scores.predicted})
    classes = model.preprocessor.classes
    columns[PREDICTION] = pa.array(classes).take(pa.array(scores.predicted))
    for index, name in enumerate(classes):
        columns[f"{PROBABILITY}{name}"] = np.ascontiguousarray(scores.probabilities[:, index])
    return pa.table(columns)


def _predicted(path: Path, model: Model, tally: Tally, explain: int) -> Iterator[pa.Table]:
    """Yield the predictions of a file's rows in batches; the next features are made while one batch is predicted."""
    make = _from_csv if path.suffix.lower() == ".csv" else _from_parquet
    for ids, features in read_ahead(make(path, model, tally)):
        yield predicted(model, ids, features, explain)


def predicted(model: Model, ids: pa.Array | None, features: np.ndarray, explain: int = 0) -> pa.Table:
    """Predict a batch; with explanations by so many features."""
    scores = model.score(features)
    table = as_table(model, ids, scores)
    return explained(table, model, features, scores.predicted, explain) if explain else table


def _from_csv(path: Path, model: Model, tally: Tally) -> Iterator[tuple[pa.Array | None, np.ndarray]]:
    contract = model.contract
    for batch in unique_rows(CsvStream(path, contract, contract.file_columns(labelled=False))):
        ids = batch.column(contract.id) if contract.id else None
        yield ids, model.preprocessor.transform(batch, tally)


def _from_parquet(path: Path, model: Model, tally: Tally) -> Iterator[tuple[pa.Array | None, np.ndarray]]:
    for batch, features in FeatureFile(path, model.preprocessor).batches():
        ids = batch.column(model.contract.id) if model.contract.id else None
        tally.rows += batch.num_rows
        yield ids, features


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, predict, print what was handled."""
    parser = argparse.ArgumentParser(description="Predict all rows of a folder's files.")
    parser.add_argument("--input-dir", type=Path, required=True, help="folder of .csv rows or .parquet features")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.tar.gz or its files")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for one .csv of predictions an input")
    parser.add_argument("--sharded", action="store_true", help=SHARDED)
    parser.add_argument("--explain", type=int, default=0, metavar="FEATURES", help="that moved each prediction most")
    arguments = parser.parse_args(argv)
    if arguments.explain < 0:
        raise UserError(f"--explain is {arguments.explain}; it must be 0 or more")
    tally = predict(
        arguments.input_dir,
        load_model(arguments.model_dir, Estimator),
        arguments.output_dir,
        sharded=arguments.sharded,
        explain=arguments.explain,
    )
    print_report(tally.as_dict())


if __name__ == "__main__":
    run_job(main)
