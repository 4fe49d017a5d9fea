"""Job: write the features of a predicted batch for the data-quality check, in the columns of the baseline.

Inputs and predictions are held side by side first: what is checked is what was predicted, row by row.

python jobs/quality_input.py --help
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError, run_job
from mlops_jobs.input_files import SHARDED, csv_files
from mlops_jobs.outputs import CsvOutput, Outputs
from mlops_jobs.prediction_files import read_predictions


def quality_input(
    input_dir: Path, predictions_dir: Path, contract: Contract, output_dir: Path, *, sharded: bool = False
) -> int:
    """Write for each file of inputs one CSV file with the features of its rows, all of which have been predicted.

    Args:
        input_dir: the folder of files that were predicted.
        predictions_dir: the folder of their predictions, and maybe others.
        contract: what the rows are.
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
            predictions = read_predictions(predictions_dir / f"{path.stem}.csv", contract)
            target = outputs.path(final)
            rows += _write_features(path, predictions, contract, target, predictions_dir / f"{path.stem}.csv")
    return rows


def _write_features(path: Path, predictions: pa.Table, contract: Contract, target: Path, source: Path) -> int:
    start = 0
    with CsvOutput(target) as output:
        for batch in CsvStream(path, contract, contract.file_columns(labelled=False)):
            matching = predictions.slice(start, batch.num_rows)
            start += batch.num_rows
            if len(matching) < batch.num_rows:
                break
            if contract.id and not matching[contract.id].combine_chunks().equals(batch.column(contract.id)):
                raise DataError(f"{source}: has other ids than {path}, or in another order; predict the file again")
            output.write(batch.select(contract.baseline_columns))
    if start != len(predictions):
        raise DataError(f"{source}: has {len(predictions)} rows and {path} has another number; predict the file again")
    return start


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do the job."""
    parser = argparse.ArgumentParser(description="Write the features of a predicted batch for the data-quality check.")
    parser.add_argument("--input-dir", type=Path, required=True, help="folder of the CSV files that were predicted")
    parser.add_argument("--predictions-dir", type=Path, required=True, help="folder of predictions (.csv or .csv.out)")
    parser.add_argument("--contract", type=Path, required=True, help="config/dataset.yaml")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for one .csv file an input")
    parser.add_argument("--sharded", action="store_true", help=SHARDED)
    arguments = parser.parse_args(argv)
    contract = load_contract(arguments.contract)
    folders = (arguments.input_dir, arguments.predictions_dir, contract, arguments.output_dir)
    rows = quality_input(*folders, sharded=arguments.sharded)
    print(f"rows: {rows}")


if __name__ == "__main__":
    run_job(main)
