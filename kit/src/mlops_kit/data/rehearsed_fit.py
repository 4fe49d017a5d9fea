"""Make the checks of the first job, preprocess.py fit, on rows that are about to become the training data."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import yaml

from mlops_jobs.contract import Contract
from mlops_jobs.errors import DataError, UserError
from mlops_jobs.fitting import Fitter, settled_fitter
from mlops_jobs.labelled_rows import LabelledRows
from mlops_jobs.own_features import OwnFeatures, read_source
from mlops_jobs.splitting import RowSplits, Splitter
from mlops_kit.data.source_formats import Source

USUAL_SPLIT = {"seed": 1, "validation_share": 0.15, "test_share": 0.15}


def rehearse_fit(rows: Path, contract: Contract, jobs: Path | None, pipelines: Path | None, source: Source) -> None:
    """Fit a preprocessor, and keep nothing of it.

    Args:
        rows: the labelled rows, as the job would read them.
        contract: what they are.
        jobs: the folder with the team's features.py; None where there is none.
        pipelines: config/pipelines.yaml with the shares of the splits; None for the usual ones.
        source: the file that the rows come from, for messages.

    Raises:
        DataError: the job would refuse the rows.
        UserError: config/pipelines.yaml does not say how rows are split.
    """
    own_features = OwnFeatures(contract, read_source(jobs) if jobs else "")
    where = f"{source.csv}: what is left to train with"
    contract = replace(contract, split=replace(contract.split, test_files=None))  # the rows are in one file
    try:
        labelled = LabelledRows([rows], contract, _splitter(pipelines), where)
        with tempfile.TemporaryDirectory() as scratch:

            def fitter_of(splits: RowSplits) -> Fitter:
                return Fitter(contract, splits, Path(scratch), own_features, [source.csv])

            with settled_fitter(labelled, fitter_of, partial(_read, labelled)) as (fitter, _):
                fitter.finish(where)
                fitter.lacking_classes(where)
    except DataError as error:
        raise error if str(source.csv) in str(error) else DataError(f"{source.csv}: {error}") from error


def _read(labelled: LabelledRows, fitter: Fitter) -> None:
    for batch in labelled:
        fitter.add(fitter.own_features.add(batch.rows), batch)


def _splitter(pipelines: Path | None) -> Splitter:
    split = dict(USUAL_SPLIT)
    if pipelines and pipelines.is_file():
        try:
            written = yaml.safe_load(pipelines.read_text(encoding="utf-8"))["split"]
            split = {key: written[key] for key in split}
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise UserError(f"{pipelines}: does not describe the split of the rows; see `mlops check`") from error
    return Splitter(int(split["seed"]), split["validation_share"], split["test_share"])
