"""Job: write the features of a predicted batch for the data-quality check, in the columns of the baseline.

Inputs and predictions are held side by side first: what is checked is what was predicted, row by row.

python jobs/quality_input.py --help
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlops_jobs.artifact import load_fitted
from mlops_jobs.contract import Contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError, run_job
from mlops_jobs.input_files import SHARDED, csv_files
from mlops_jobs.outputs import CsvOutput, Outputs
from mlops_jobs.own_features import OwnFeatures
from mlops_jobs.prediction_files import read_predictions


def quality_input(
    input_dir: Path,
    predictions_dir: Path,
    contract: Contract,
    own_features: OwnFeatures,
    output_dir: Path,
    *,
    sharded: bool = False,
) -> int:
    """Write for each file of inputs one CSV file with the features of its rows, all of which have been predicted.

    Args:
        input_dir: the folder of files that were predicted.
        predictions_dir: the folder of their predictions, and maybe others.
        contract: what the rows are.
        own_features: the model's, which add columns to the rows.
        output_dir: where the features go.
        sharded: whether several instances share the files; then the folder of inputs may be empty.

    Returns:
        the number of rows.

    Raises:
        DataError: inputs without predictions, or predictions of other rows; then nothing is written.
    """
    rows = 0
    targets = {path: output_dir / f"{path.stem}.csv" for path in csv_files(input_dir, sharded=sharded)}
    with Outputs(reads=[input_dir, predictions_dir], replaces=targets.values()) as outputs:
        for path, final in targets.items():
            source = predictions_dir / f"{path.stem}.csv"
            rows += _write_features(path, source, contract, own_features, outputs.path(final))
    return rows


def _write_features(path: Path, source: Path, contract: Contract, own_features: OwnFeatures, target: Path) -> int:
    """Write the features of the rows of `path`, whose predictions are in `source`, and count the rows."""
    start, predictions = 0, read_predictions(source, contract)
    with CsvOutput(target) as output:
        for batch in CsvStream(path, contract, contract.file_columns(labelled=False)):
            matching = predictions.slice(start, batch.num_rows)
            start += batch.num_rows
            if len(matching) < batch.num_rows:
                break
            if contract.id and not matching[contract.id].combine_chunks().equals(batch.column(contract.id)):
                raise DataError(f"{source}: has other ids than {path}, or in another order; predict the file again")
            output.write(own_features.add(batch).select(contract.baseline_columns))
    if start != len(predictions):
        raise DataError(f"{source}: has {len(predictions)} rows and {path} has another number; predict the file again")
    return start


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do the job."""
    parser = argparse.ArgumentParser(description="Write the features of a predicted batch for the data-quality check.")
    parser.add_argument("--input-dir", type=Path, required=True, help="folder of the CSV files that were predicted")
    parser.add_argument("--predictions-dir", type=Path, required=True, help="folder of predictions (.csv or .csv.out)")
    parser.add_argument("--artifact-dir", type=Path, required=True, help="folder with the model.tar.gz that predicted")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for one .csv file an input")
    parser.add_argument("--sharded", action="store_true", help=SHARDED)
    arguments = parser.parse_args(argv)
    contract, preprocessor = load_fitted(arguments.artifact_dir)
    rows = quality_input(
        arguments.input_dir,
        arguments.predictions_dir,
        contract,
        preprocessor.own_features,
        arguments.output_dir,
        sharded=arguments.sharded,
    )
    print(f"rows: {rows}")


if __name__ == "__main__":
    run_job(main)
