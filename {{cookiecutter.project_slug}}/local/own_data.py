"""Take a person's own CSV file: check it against the contract, propose a contract where it does not fit, and split it.

make data CSV=path/to/file.csv TARGET=price ID=order_number
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from contract import Contract, load_contract
from csv_stream import CsvStream
from errors import DataError, JobError
from local.proposal import propose
from outputs import Outputs
from unique_ids import unique_rows

INFERENCE_SHARE = 0.2
SEED = 1


def adopt(
    path: Path, *, contract_path: Path, data: Path, target: str | None, id_column: str | None, accept: bool
) -> None:
    """Make a CSV file of labelled rows the project's data.

    Writes training-data.csv, inference-data.csv (no target) and ground-truth.csv. Where the file does not fit the
    contract, a proposal is written beside it, and takes its place when the person agrees.

    Raises:
        JobError: the file cannot be used, or the proposal was not accepted; then the data stays as it was.
    """
    contract = load_contract(contract_path)
    misfit = _misfit(path, contract, target, id_column)
    if misfit:
        print(f"The file does not fit the contract: {misfit}\n")
        contract = _agree(path, contract, contract_path, target, id_column, accept)
    counts = _write(path, contract, data)
    print(f"wrote {counts[0]} rows to train with and {counts[1]} to predict, with their labels apart, into {data}")


def _misfit(path: Path, contract: Contract, target: str | None, id_column: str | None) -> str | None:
    """Why a file does not fit, in one sentence; None where it does."""
    if target is not None and target != contract.target:
        return f"the contract predicts {contract.target!r} and not {target!r}"
    if id_column is not None and (id_column or None) != contract.id:
        return f"the contract's id is {contract.id or 'none'!r} and not {id_column or 'none'!r}"
    try:
        _check(path, contract)
    except DataError as error:
        return str(error)
    return None


def _check(path: Path, contract: Contract) -> None:
    for _ in unique_rows(CsvStream(path, contract, contract.file_columns(labelled=True))):
        pass


def _agree(
    path: Path,
    contract: Contract,
    contract_path: Path,
    target: str | None,
    id_column: str | None,
    accept: bool,
) -> Contract:
    """Propose a contract, and put it in place if the person wants it."""
    proposal = propose(path, contract, target, id_column, ask=input if sys.stdin.isatty() else None)
    _check(path, proposal)
    proposed_path = contract_path.with_name("dataset.proposed.yaml")
    proposed_path.write_text(
        f"# Proposed for {path.name}. Look at roles, metric and threshold: the threshold is what guessing reaches.\n"
        + proposal.to_yaml(),
        encoding="utf-8",
        newline="\n",
    )
    print(f"A contract that fits it ({proposed_path}):\n\n{proposal.to_yaml()}")
    if not accept and not (
        sys.stdin.isatty() and input("Make it the project's contract? [y/N] ").lower() in ("y", "yes")
    ):
        raise JobError(
            "the proposal was not accepted and nothing else changed; run the same command again with ACCEPT=yes, "
            f"or edit {proposed_path} and rename it to {contract_path.name}"
        )
    proposed_path.replace(contract_path)
    return proposal


def _write(path: Path, contract: Contract, data: Path) -> tuple[int, int]:
    """Deal the rows out at random, their cells untouched; the numbers of rows to train with and to predict."""
    random = np.random.default_rng(SEED)
    counts = [0, 0]
    with Outputs() as outputs:
        targets = [outputs.path(data / f"{name}.csv") for name in ("training-data", "inference-data", "ground-truth")]
        columns = [
            contract.file_columns(labelled=True),
            contract.file_columns(labelled=False),
            contract.label_columns,
        ]
        files = [target.open("w", encoding="utf-8", newline="") for target in targets]
        try:
            writers = [csv.writer(file, delimiter=contract.delimiter, lineterminator="\n") for file in files]
            if contract.header:
                for writer, names in zip(writers, columns, strict=True):
                    writer.writerow(names)
            for row in _rows(path, contract):
                predict = random.random() < INFERENCE_SHARE
                counts[predict] += 1
                for index in (1, 2) if predict else (0,):
                    writers[index].writerow([row[name] for name in columns[index]])
        finally:
            for file in files:
                file.close()
    return counts[0], counts[1]


def _rows(path: Path, contract: Contract) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = None if contract.header else contract.file_columns(labelled=True)
        yield from csv.DictReader(file, fieldnames=names, delimiter=contract.delimiter)
