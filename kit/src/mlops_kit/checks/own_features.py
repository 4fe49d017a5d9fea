"""Call jobs/features.py on the first rows of the project's data, so that a mistake in it is found before a job runs."""

from __future__ import annotations

from pathlib import Path

from mlops_jobs.contract import load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.own_features import OwnFeatures, read_source
from mlops_kit.project import open_project

ROWS = 20


def check_own_features(root: Path) -> None:
    """Check that features.py adds the columns that the contract declares with `source: features`.

    Raises:
        UserError: it has no function for them, or, on the rows in data/, fails or returns something else.
    """
    project = open_project(root)
    contract = load_contract(project.contract)
    own_features = OwnFeatures(contract, read_source(project.jobs))
    rows = project.data / "training-data.csv"
    if contract.added and rows.is_file():
        first = next(iter(CsvStream(rows, contract, contract.file_columns(labelled=True))))
        own_features.add(first.slice(0, ROWS))
