"""Import a CSV file: check it against the contract, propose a contract if it does not fit, and split its rows.

mlops data path/to/file.csv --target price --id order_number
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import ColumnsError, UserError
from mlops_jobs.fitting import check_classes, check_row_count
from mlops_jobs.outputs import Outputs
from mlops_jobs.splitting import TEST, Splitter
from mlops_jobs.unique_ids import unique_rows
from mlops_kit.data.schema_inference import infer_contract

INFERENCE_SHARE = 0.2
SEED = 1


def import_csv(
    path: Path, *, contract_path: Path, data: Path, target: str | None, id_column: str | None, accept: bool
) -> None:
    """Make a CSV file of labelled rows the project's data.

    Writes training-data.csv, inference-data.csv (without the target) and ground-truth.csv. If the file does not fit the
    contract, proposes another in a file beside it, and replaces the contract once the user accepts.

    Raises:
        UserError: the file cannot be used, or the proposal was not accepted; the data is unchanged.
    """
    contract = load_contract(contract_path)
    if mismatch := _mismatch(path, contract, target, id_column):
        print(f"The file does not fit the contract: {mismatch}\n", flush=True)
        contract = _propose(path, contract, contract_path, target, id_column, accept)
    counts = _write(path, contract, data)
    print(f"wrote {counts[0]} rows to train with, and {counts[1]} rows to predict and their labels, into {data}")


def _mismatch(path: Path, contract: Contract, target: str | None, id_column: str | None) -> str | None:
    """Why a file does not fit the contract, in one sentence; None if it does.

    Raises:
        DataError: the columns fit and a cell does not, or the file is not a table; the user has to correct the file.
    """
    if target is not None and target != contract.target:
        return f"the contract predicts {contract.target!r} and not {target!r}"
    if id_column is not None and (id_column or None) != contract.id:
        return f"the contract's id is {contract.id or 'none'!r} and not {id_column or 'none'!r}"
    try:
        _check(path, contract)
    except ColumnsError as error:
        return str(error)
    return None


def _check(path: Path, contract: Contract) -> None:
    for _ in unique_rows(CsvStream(path, contract, contract.file_columns(labelled=True))):
        pass


def _propose(
    path: Path,
    contract: Contract,
    contract_path: Path,
    target: str | None,
    id_column: str | None,
    accept: bool,
) -> Contract:
    """Propose a contract, and replace the old one if the user accepts."""
    proposal = infer_contract(path, contract, target, id_column, ask=input if sys.stdin.isatty() else None)
    _check(path, proposal)
    proposed_path = contract_path.with_name("dataset.proposed.yaml")
    proposed_path.write_text(
        f"# Proposed for {path.name}. Review roles, metric and threshold: {_origin(proposal, contract)}.\n"
        + proposal.to_yaml(),
        encoding="utf-8",
        newline="\n",
    )
    print(f"A contract that fits it ({proposed_path}):\n\n{proposal.to_yaml()}")
    if not accept and not _user_accepts():
        raise UserError(
            "the proposal was not accepted and nothing else changed; run the command again with --accept "
            f"(make: ACCEPT=yes), or edit {proposed_path} and rename it to {contract_path.name}"
        )
    proposed_path.replace(contract_path)
    return proposal


def _origin(proposal: Contract, contract: Contract) -> str:
    """Where the threshold of a proposal comes from."""
    kept = (proposal.metric, proposal.threshold) == (contract.metric, contract.threshold)
    return "the threshold is that of the contract before" if kept else "the threshold is the score of guessing"


def _user_accepts() -> bool:
    return sys.stdin.isatty() and input("Make it the project's contract? [y/N] ").strip().lower() in ("y", "yes")


def _write(path: Path, contract: Contract, data: Path) -> tuple[int, int]:
    """Split the rows, stratified by class; return the numbers of rows to train with and to predict.

    Raises:
        DataError: too few rows, or too few of a class, would remain to train with.
    """
    counts: dict[str, Counter[str]] = {"train": Counter(), "predict": Counter()}
    columns = [contract.file_columns(labelled=True), contract.file_columns(labelled=False), contract.label_columns]
    with Outputs() as outputs, ExitStack() as files:
        writers = []
        for name, header in zip(("training-data", "inference-data", "ground-truth"), columns, strict=True):
            file = outputs.path(data / f"{name}.csv").open("w", encoding="utf-8", newline="")
            writers.append(csv.writer(files.enter_context(file), delimiter=contract.delimiter, lineterminator="\n"))
            if contract.header:
                writers[-1].writerow(header)
        for row, label, predict in _split(path, contract):
            counts["predict" if predict else "train"][label] += 1
            for index in (1, 2) if predict else (0,):
                writers[index].writerow([row[name] for name in columns[index]])
        files.close()
        check_row_count(counts["train"].total(), f"{path}: what is left to train with")
        check_classes(contract, counts["train"], f"{path}: what is left to train with")
    return counts["train"].total(), counts["predict"].total()


def _split(path: Path, contract: Contract) -> Iterator[tuple[dict[str, str], str, bool]]:
    """Yield each row, its class (the same for all rows of a regression), and whether it is to be predicted."""
    splitter = Splitter(SEED, validation=0.05, test=INFERENCE_SHARE)
    codes: dict[str, int] = {}
    for row in _rows(path, contract):
        label = row[contract.target].strip() if contract.is_classification else ""
        stratum = codes.setdefault(label, len(codes))
        yield row, label, bool(splitter.assign(np.array([stratum]))[0] == TEST)


def _rows(path: Path, contract: Contract) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = None if contract.header else contract.file_columns(labelled=True)
        rows = csv.DictReader(file, fieldnames=names, delimiter=contract.delimiter)
        for row in rows:
            yield {name.strip(): text for name, text in row.items()}
