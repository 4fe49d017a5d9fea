"""Job: make features of raw rows.

python jobs/preprocess.py fit --help      split the training data, learn from its training split, write features
python jobs/preprocess.py apply --help    make features of new rows with what was learned, which never changes
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from mlops_jobs.artifact import CONTRACT, PREPROCESSOR, load_fitted
from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import run_job
from mlops_jobs.feature_files import TRAIN_FILE, VALIDATION_FILE, feature_schema, parquet_writer, stamped
from mlops_jobs.feature_lines import LineWriter
from mlops_jobs.fitting import Fitter, check_row_count, settled_fitter
from mlops_jobs.input_files import SHARDED, csv_files
from mlops_jobs.labelled_rows import LabelledRows
from mlops_jobs.monitor_files import monitored
from mlops_jobs.outputs import CsvOutput, Outputs
from mlops_jobs.own_features import FILE as FEATURES
from mlops_jobs.own_features import OwnFeatures, read_source
from mlops_jobs.preprocessor import Preprocessor, Tally
from mlops_jobs.report import print_report
from mlops_jobs.splitting import LEFT_OUT, NAMES, TEST, TRAIN, VALIDATION, RowSplits, Splitter
from mlops_jobs.unique_ids import unique_rows
from mlops_jobs.write_behind import WriteBehind

TEST_FILE, BASELINE_FILE = "test.csv", "baseline.csv"
REPORT = "report.json"
JOBS = Path(__file__).parent
FORMS = {"parquet": parquet_writer, "csv": LineWriter}


@dataclass(frozen=True)
class FitFolders:
    """Where `fit` writes."""

    train: Path
    validation: Path
    test: Path
    baseline: Path
    preprocessor: Path

    def files(self) -> list[Path]:
        """All files that `fit` writes."""
        learned = [self.preprocessor / name for name in (PREPROCESSOR, CONTRACT, FEATURES, REPORT)]
        features = [self.train / TRAIN_FILE, self.validation / VALIDATION_FILE]
        return [*features, self.test / TEST_FILE, self.baseline / BASELINE_FILE, *learned]


def fit(
    input_dir: Path, contract: Contract, splitter: Splitter, folders: FitFolders, features_dir: Path = JOBS
) -> dict[str, Any]:
    """Split the labelled rows of all CSV files in a folder, and fit a preprocessor on the training split.

    Writes train.parquet and validation.parquet (features and encoded target, float32), test.csv (raw rows, for a
    champion to read with its own preprocessor), baseline.csv (the raw features of the training split, in the
    form that the data-quality check reads), and beside the preprocessor the contract it was fitted under and a report.

    Args:
        input_dir: the folder of labelled rows.
        contract: what the rows are.
        splitter: the seed and the shares of the splits.
        folders: where to write.
        features_dir: the folder of features.py, the team's own features.

    Returns:
        the report: rows of each split, missing cells by column, the form of the files, rows that repeat, columns that
        give the target away.

    Raises:
        DataError: a file does not keep the contract, or there are too few rows; then nothing is written.
    """
    folders.train.mkdir(parents=True, exist_ok=True)
    own_features = OwnFeatures(contract, read_source(features_dir))
    files = csv_files(input_dir)
    with Outputs(reads=[input_dir], replaces=folders.files()) as outputs:
        labelled = LabelledRows(files, contract, splitter, str(input_dir))

        def new_fitter(splits: RowSplits) -> Fitter:
            return Fitter(contract, splits, folders.train, own_features, files)

        def read(fitter: Fitter) -> dict[str, int]:
            rows = _split_raw_rows(labelled, contract, fitter, outputs, folders)
            check_row_count(sum(rows[name] for name in NAMES.values()), str(input_dir))
            return rows

        with settled_fitter(labelled, new_fitter, read) as (fitter, rows):
            preprocessor = fitter.finish(str(input_dir))
            lacking = fitter.lacking_classes(str(input_dir))
            _write_features(outputs, fitter, preprocessor, folders)
            report = _report(labelled, contract, fitter, rows, lacking)
        outputs.write_text(folders.preprocessor / PREPROCESSOR, preprocessor.to_json())
        outputs.write_text(folders.preprocessor / CONTRACT, contract.to_yaml())
        if own_features.source:
            outputs.write_text(folders.preprocessor / FEATURES, own_features.source)
        outputs.write_json(folders.preprocessor / REPORT, report)
    return report


def _report(
    labelled: LabelledRows, contract: Contract, fitter: Fitter, rows: dict[str, int], lacking: dict[str, list[str]]
) -> dict[str, Any]:
    """The report of `fit`; what is not worth a look is left out."""
    repeated = "rows_that_repeat_but_for_the_id" if contract.id else "rows_that_repeat"
    return {
        "files": labelled.forms,
        "missing_cells": {name: count for name, count in fitter.missing.items() if count},
        repeated: labelled.repeated_rows(),
        **({"classes_without_rows": lacking} if lacking else {}),
        **({"columns_that_give_the_target_away": found} if (found := fitter.giveaways()) else {}),
        "rows": rows,
    }


def apply(
    input_dir: Path,
    contract: Contract,
    preprocessor: Preprocessor,
    output_dir: Path,
    *,
    form: str = "parquet",
    sharded: bool = False,
) -> dict[str, Any]:
    """Make features of the rows of each CSV file in a folder: one file each, under the same name.

    Args:
        input_dir: the folder of rows to predict.
        contract: what the rows are.
        preprocessor: what was learned in training.
        output_dir: where the features go.
        form: parquet for predict.py, or csv for a batch transform.
        sharded: whether several instances share the files; then the folder may be empty.

    Returns:
        the report: rows, missing cells and unseen categories by column.

    Raises:
        DataError: a file does not keep the contract; then nothing is written.
    """
    tally = Tally()
    schema = feature_schema(contract, preprocessor)
    targets = {path: output_dir / f"{path.stem}.{form}" for path in csv_files(input_dir, sharded=sharded)}
    with Outputs(reads=[input_dir], replaces=targets.values()) as outputs:
        for path, final in targets.items():
            with FORMS[form](outputs.path(final), schema) as file, WriteBehind(file.write_batch) as writing:
                for batch in unique_rows(CsvStream(path, contract, contract.file_columns(labelled=False))):
                    matrix = preprocessor.transform(batch, tally)
                    ids = [batch.column(contract.id)] if contract.id else []
                    writing.put(pa.record_batch([*ids, *map(pa.array, matrix.T)], schema=schema))
    return tally.as_dict()


def _split_raw_rows(
    labelled: LabelledRows, contract: Contract, fitter: Fitter, outputs: Outputs, folders: FitFolders
) -> dict[str, int]:
    """First pass: hand all rows to the fitter, and write the raw rows that later jobs read; count them by split."""
    counts = np.zeros(4, dtype=np.int64)
    baseline = CsvOutput(outputs.path(folders.baseline / BASELINE_FILE))
    test = CsvOutput(outputs.path(folders.test / TEST_FILE))

    def write(rows: tuple[pa.RecordBatch, pa.RecordBatch, np.ndarray]) -> None:
        raw, batch, splits = rows
        baseline.write(monitored(batch.select(contract.baseline_columns).filter(pa.array(splits == TRAIN))))
        test.write(raw.select(contract.labelled_columns).filter(pa.array(splits == TEST)))

    with baseline, test, WriteBehind(write) as writing:
        for part in labelled:
            batch = fitter.own_features.add(part.rows)
            splits = fitter.add(batch, part)
            counts += np.bincount(splits, minlength=4)
            writing.put((part.rows, batch, splits))
    found = {name: int(counts[split]) for split, name in NAMES.items()}
    return found | ({"left_out": int(counts[LEFT_OUT])} if counts[LEFT_OUT] else {})


def _write_features(outputs: Outputs, fitter: Fitter, preprocessor: Preprocessor, folders: FitFolders) -> None:
    """Last pass: write the features of the splits that a model is trained with."""
    schema = stamped(fitter.feature_schema, preprocessor)
    targets = {TRAIN: folders.train / TRAIN_FILE, VALIDATION: folders.validation / VALIDATION_FILE}
    for split, final in targets.items():
        with parquet_writer(outputs.path(final), schema) as file, WriteBehind(file.write_batch) as writing:
            for batch in fitter.features(split, preprocessor):
                writing.put(batch)


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, do the job, print its report."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "fit":
        splitter = Splitter(arguments.seed, arguments.validation_share, arguments.test_share)
        folders = FitFolders(
            train=arguments.train_dir,
            validation=arguments.validation_dir,
            test=arguments.test_dir,
            baseline=arguments.baseline_dir,
            preprocessor=arguments.preprocessor_dir,
        )
        report = fit(arguments.input_dir, load_contract(arguments.contract), splitter, folders)
    else:
        contract, preprocessor = load_fitted(arguments.artifact_dir)
        report = apply(
            arguments.input_dir,
            contract,
            preprocessor,
            arguments.output_dir,
            form=arguments.format,
            sharded=arguments.sharded,
        )
    print_report(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make features of raw rows.")
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit", help="split labelled rows and fit the preprocessor on the training split")
    fitting.add_argument("--input-dir", type=Path, required=True, help="folder of CSV files with the target")
    fitting.add_argument("--contract", type=Path, required=True, help="config/dataset.yaml")
    for name in ("train", "validation", "test", "baseline", "preprocessor"):
        fitting.add_argument(f"--{name}-dir", type=Path, required=True, help=f"folder for the {name} output")
    fitting.add_argument("--seed", type=int, default=1, help="the same seed and rows give the same splits")
    fitting.add_argument("--validation-share", type=float, default=0.15, help="in twentieths")
    fitting.add_argument("--test-share", type=float, default=0.15, help="in twentieths")
    applying = commands.add_parser("apply", help="make features of rows to predict")
    applying.add_argument("--input-dir", type=Path, required=True, help="folder of CSV files without the target")
    applying.add_argument(
        "--artifact-dir",
        type=Path,
        required=True,
        help="folder with model.tar.gz, or with what `fit` learned",
    )
    applying.add_argument("--output-dir", type=Path, required=True, help="folder for one file of features a CSV file")
    applying.add_argument("--format", choices=FORMS, default="parquet", help="csv: lines for a batch transform")
    applying.add_argument("--sharded", action="store_true", help=SHARDED)
    return parser


if __name__ == "__main__":
    run_job(main)
