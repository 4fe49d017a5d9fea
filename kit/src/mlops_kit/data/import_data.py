"""Import a file: check it against the contract, propose a contract if it does not fit, and split its rows.

mlops data path/to/file.csv --target price --id order_number
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import ColumnsError, DataError, UserError
from mlops_jobs.fitting import check_classes, check_row_count
from mlops_jobs.unique_ids import unique_rows
from mlops_kit.data.class_spellings import alike
from mlops_kit.data.column_facts import rows_of
from mlops_kit.data.file_form import find_form, plain_csv
from mlops_kit.data.held_out_rows import HeldOutRows, held_out_rows
from mlops_kit.data.proposal_notes import notes_on_form
from mlops_kit.data.rehearsed_fit import rehearse_fit
from mlops_kit.data.schema_inference import Proposal, Wishes, infer_contract, means_none, with_threshold
from mlops_kit.data.source_formats import Source, open_source
from mlops_kit.data.together import changed_together

TOTAL = re.compile(r"(grand |sub)?totals?|sum|average|mean|gesamt|summe|insgesamt|mittelwert|totale", re.IGNORECASE)
FILES = ("training-data.csv", "inference-data.csv", "ground-truth.csv")


@dataclass(frozen=True)
class Place:
    """Where an import reads and writes.

    Attributes:
        contract: config/dataset.yaml.
        data: the folder of the data files.
        jobs: the folder with the team's features.py; None where there is none.
        pipelines: config/pipelines.yaml with the shares of the splits; None for the usual ones.
    """

    contract: Path
    data: Path
    jobs: Path | None = None
    pipelines: Path | None = None


def import_file(path: Path, place: Place, wishes: Wishes, *, accept: bool = False, distinct: bool = False) -> None:
    """Make a file of labelled rows the project's data.

    Writes training-data.csv, inference-data.csv (without the target) and ground-truth.csv. If the file does not fit the
    contract, proposes another, and replaces the contract once the user accepts. All checks that the first job makes
    come before anything is written; contract and data change together or not at all.

    Args:
        path: CSV, gzip of it, Parquet or JSON lines.
        place: the project's files.
        wishes: what the user says about the file.
        accept: accept a proposed contract without asking.
        distinct: let classes that differ in their spelling only be classes of their own.

    Raises:
        UserError: the file cannot be used, or the proposal was not accepted; contract and data are unchanged.
    """
    contract = load_contract(place.contract)
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(path, Path(folder), contract)
        if source.origin:
            print(f"- {path.name} is {source.origin}: read as CSV, which the jobs read", flush=True)
        proposal: Proposal | None = None
        if mismatch := _mismatch(source, contract, wishes):
            print(f"The file does not fit the contract: {mismatch}\n", flush=True)
            source, proposal = _propose(source, contract, wishes, Path(folder))
        try:
            _import(source, proposal, contract, place, accept=accept, distinct=distinct)
        except DataError as error:
            raise source.in_its_words(error) from error


def _mismatch(source: Source, contract: Contract, wishes: Wishes) -> str | None:
    """Why a file does not fit the contract, in one sentence; None if it does.

    Raises:
        DataError: the columns fit and a cell does not, or the file is not a table; the user has to correct the file.
    """
    if wishes.target is not None and wishes.target != contract.target:
        return f"the contract predicts {contract.target!r} and not {wishes.target!r}"
    if wishes.id not in (None, contract.id) and not (contract.id is None and means_none(wishes.id or "")):
        return f"the contract's id is {contract.id or 'none'!r} and not {wishes.id or 'none'!r}"
    for key in ("delimiter", "header", "decimal", "thousands"):
        wish = getattr(wishes, key)
        if wish is not None and (wish if wish != "" else None) != getattr(contract, key):
            return f"csv.{key} is {getattr(contract, key)!r} in the contract and not {wish!r}"
    try:
        _check(source, contract)
    except ColumnsError as error:
        return str(source.in_its_words(error))
    except DataError as error:
        raise source.in_its_words(error) from error
    return None


def _check(source: Source, contract: Contract) -> None:
    for _ in unique_rows(CsvStream(source.csv, contract, contract.file_columns(labelled=True))):
        pass


def _propose(source: Source, contract: Contract, wishes: Wishes, scratch: Path) -> tuple[Source, Proposal | None]:
    """Find a contract that a file fits.

    Returns:
        the file without what the jobs do not read, and the proposal; None where that fits the contract.
    """
    named = [name for name in (wishes.target, wishes.id) if name]
    form = find_form(source, contract.missing, named, (wishes.delimiter, wishes.header))
    plain = plain_csv(source, form, scratch)
    if plain is not source and not _mismatch(plain, contract, wishes):
        print(*(f"- {note}" for note in notes_on_form(form)), "", sep="\n", flush=True)
        return plain, None
    try:
        proposal = infer_contract(plain, form, contract, wishes, ask=input if sys.stdin.isatty() else None)
        _check(plain, proposal.contract)
    except DataError as error:
        raise plain.in_its_words(error) from error
    return plain, proposal


def _import(
    source: Source, proposal: Proposal | None, current: Contract, place: Place, *, accept: bool, distinct: bool
) -> None:
    contract = proposal.contract if proposal else current
    held_out = held_out_rows(source.csv, contract)
    print(*(f"- {note}\n" for note in held_out.notes()), sep="", end="", flush=True)
    with changed_together() as made:
        rows = _write(source, contract, place.data, made, held_out, distinct=distinct)
        rehearse_fit(made[place.data / FILES[0]], contract, place.jobs, place.pipelines, source)
        if proposal:
            proposal = with_threshold(proposal, source)
            _accept(source, proposal, place.contract, accept=accept)
            made[place.contract] = new = place.contract.with_name(place.contract.name + ".partial")
            new.write_text(_text(source, proposal), encoding="utf-8", newline="\n")
    place.contract.with_name("dataset.proposed.yaml").unlink(missing_ok=True)
    print(
        f"wrote {rows.training} rows to train with, and {rows.predicted} rows to predict and their labels, "
        f"into {place.data}"
    )
    if proposal:
        print(_where_the_name_is(current.dataset, place.contract))


def _where_the_name_is(dataset: str, contract: Path) -> str:
    """Where the project still names the data set of the contract before."""
    readme = contract.parent.parent / "README.md"
    in_readme = readme.is_file() and dataset in readme.read_text(encoding="utf-8", errors="replace")
    places = f"README.md and `dataset:` in {contract} still name" if in_readme else f"`dataset:` in {contract} names"
    return f"{places} the data set {dataset!r}; if this is another one, change the name there"


def _accept(source: Source, proposal: Proposal, contract_path: Path, *, accept: bool) -> None:
    """Show a proposal; raise UserError, with the proposal in a file, unless the user accepts it."""
    print(f"A contract that fits it:\n\n{proposal.contract.to_yaml()}")
    for note in proposal.notes:
        print(f"- {note}")
    print(flush=True)
    if accept or _user_accepts():
        return
    proposed_path = contract_path.with_name("dataset.proposed.yaml")
    proposed_path.write_text(_text(source, proposal), encoding="utf-8", newline="\n")
    raise UserError(
        "the proposal was not accepted and nothing else changed; run the command again with --accept "
        f"(make: ACCEPT=yes), or edit {proposed_path} and rename it to {contract_path.name}"
    )


def _text(source: Source, proposal: Proposal) -> str:
    about = f"# Proposed for {source.path.name}. Review roles, metric and threshold:\n"
    return f"{about}# {proposal.about_threshold}.\n{proposal.contract.to_yaml()}"


def _user_accepts() -> bool:
    return sys.stdin.isatty() and input("Make it the project's contract? [y/N] ").strip().lower() in ("y", "yes")


@dataclass
class _Counts:
    """The rows that were written, and where each class comes first."""

    training: int = 0
    predicted: int = 0
    classes: Counter[str] = field(default_factory=Counter)  # of the rows to train with
    first: dict[str, int] = field(default_factory=dict)


def _write(
    source: Source,
    contract: Contract,
    data: Path,
    made: dict[Path, Path],
    held_out: HeldOutRows,
    *,
    distinct: bool,
) -> _Counts:
    """Write the rows into files that do not have their final names yet.

    Raises:
        DataError: too few rows, or too few of a class, would remain to train with; or two classes are probably one.
    """
    counts = _Counts()
    columns = [contract.file_columns(labelled=True), contract.file_columns(labelled=False), contract.label_columns]
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        writers = []
        for name, header in zip(FILES, columns, strict=True):
            made[data / name] = partial = data / f"{name}.partial"
            file = files.enter_context(partial.open("w", encoding="utf-8", newline=""))
            writers.append(csv.writer(file, delimiter=contract.delimiter, lineterminator="\n"))
            if contract.header:
                writers[-1].writerow(header)
        row: dict[str, str] = {}
        for number, (row, label, predict) in enumerate(_split(source.csv, contract, held_out), start=1):
            counts.predicted += predict
            counts.training += not predict
            counts.classes[label] += not predict
            counts.first.setdefault(label, number)
            for index in (1, 2) if predict else (0,):
                writers[index].writerow([row[name] for name in columns[index]])
    _refuse_total(source, contract, row)
    _check_counts(source, contract, counts, distinct=distinct)
    return counts


def _refuse_total(source: Source, contract: Contract, last: dict[str, str]) -> None:
    """Raise DataError where the last row sums up those above it: a word for that comes once, and there."""
    for name, text in last.items():
        if TOTAL.fullmatch(text.strip()) and sum(row[name] == text for row in _rows(source.csv, contract)) == 1:
            raise DataError(
                f"{source.csv}: the last row, column {name!r}: {text!r} sums up the rows above; remove the row"
            )


def _check_counts(source: Source, contract: Contract, counts: _Counts, *, distinct: bool) -> None:
    where = f"{source.csv}: what is left to train with"
    if contract.is_classification and not distinct and (two := alike(counts.first, contract.notation)):
        places = " and ".join(f"{name!r} (first in row {counts.first[name]})" for name in two)
        raise DataError(
            f"{source.csv}: column {contract.target!r} holds {places}, which are probably one class; write them alike, "
            "or keep both with --distinct-classes (make: DISTINCT_CLASSES=yes)"
        )
    check_row_count(counts.training, where)
    check_classes(contract, counts.classes, where, [source.csv])


def _split(path: Path, contract: Contract, held_out: HeldOutRows) -> Iterator[tuple[dict[str, str], str, bool]]:
    """Yield each row, its class (the same for all rows of a regression), and whether it is to be predicted."""
    for row, predict in zip(_rows(path, contract), held_out.to_predict.tolist(), strict=True):
        yield row, row[contract.target].strip() if contract.is_classification else "", predict


def _rows(path: Path, contract: Contract) -> Iterator[dict[str, str]]:
    rows = rows_of(path, contract.delimiter)
    names = [name.strip() for name in next(rows)] if contract.header else list(contract.file_columns(labelled=True))
    for cells in rows:
        yield dict(zip(names, cells, strict=True))
