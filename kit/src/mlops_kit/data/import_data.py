"""Take a person's own CSV file: check it against the contract, propose a contract where it does not fit, and split it.

make data CSV=path/to/file.csv TARGET=price ID=order_number
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
from mlops_kit.data.schema_inference import propose

INFERENCE_SHARE = 0.2
SEED = 1


def adopt(
    path: Path, *, contract_path: Path, data: Path, target: str | None, id_column: str | None, accept: bool
) -> None:
    """Make a CSV file of labelled rows the project's data.

    Writes training-data.csv, inference-data.csv (no target) and ground-truth.csv. Where the file does not fit the
    contract, a proposal is written beside it, and takes its place when the person agrees.

    Raises:
        UserError: the file cannot be used, or the proposal was not accepted; then the data stays as it was.
    """
    contract = load_contract(contract_path)
    misfit = _misfit(path, contract, target, id_column)
    if misfit:
        print(f"The file does not fit the contract: {misfit}\n", flush=True)
        contract = _agree(path, contract, contract_path, target, id_column, accept)
    counts = _write(path, contract, data)
    print(f"wrote {counts[0]} rows to train with and {counts[1]} to predict, with their labels apart, into {data}")


def _misfit(path: Path, contract: Contract, target: str | None, id_column: str | None) -> str | None:
    """Why a file has another shape than the contract, in one sentence; None where it fits.

    Raises:
        DataError: the shape fits and a cell does not, or the file is no table: that is for the person to mend.
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
    if not accept and not _agrees():
        raise UserError(
            "the proposal was not accepted and nothing else changed; run the same command again with ACCEPT=yes, "
            f"or edit {proposed_path} and rename it to {contract_path.name}"
        )
    proposed_path.replace(contract_path)
    return proposal


def _agrees() -> bool:
    return sys.stdin.isatty() and input("Make it the project's contract? [y/N] ").strip().lower() in ("y", "yes")


def _write(path: Path, contract: Contract, data: Path) -> tuple[int, int]:
    """Deal the rows out, class by class, their cells untouched; the numbers of rows to train with and to predict.

    Raises:
        DataError: too few rows, or too few of a class, would be left to train with.
    """
    counts: dict[str, Counter[str]] = {"train": Counter(), "predict": Counter()}
    columns = [contract.file_columns(labelled=True), contract.file_columns(labelled=False), contract.label_columns]
    with Outputs() as outputs, ExitStack() as files:
        writers = []
        for name, written in zip(("training-data", "inference-data", "ground-truth"), columns, strict=True):
            file = outputs.path(data / f"{name}.csv").open("w", encoding="utf-8", newline="")
            writers.append(csv.writer(files.enter_context(file), delimiter=contract.delimiter, lineterminator="\n"))
            if contract.header:
                writers[-1].writerow(written)
        for row, label, predict in _dealt(path, contract):
            counts["predict" if predict else "train"][label] += 1
            for index in (1, 2) if predict else (0,):
                writers[index].writerow([row[name] for name in columns[index]])
        files.close()
        check_row_count(counts["train"].total(), f"{path}: what is left to train with")
        check_classes(contract, counts["train"], f"{path}: what is left to train with")
    return counts["train"].total(), counts["predict"].total()


def _dealt(path: Path, contract: Contract) -> Iterator[tuple[dict[str, str], str, bool]]:
    """Yield each row, its class (of a regression the same for all), and whether it is to be predicted."""
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
