"""Find the first fault of a CSV file, and describe it in one sentence: file, row, column, remedy.

It runs only after the fast reader has refused a file, so it may be slow; it applies the same rules.
"""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mlops_jobs.columns import Column
from mlops_jobs.contract import Contract
from mlops_jobs.missing_cells import is_missing_class, missing_texts
from mlops_jobs.number_text import BLANKS, INFINITE, notations, sign_beside_number
from mlops_jobs.typed_columns import TYPED, unread

FLOAT32_MAX = float(np.finfo(np.float32).max)  # XGBoost computes in float32; what lies beyond would be infinite


def diagnose(
    path: Path, contract: Contract, columns: tuple[str, ...], seen: dict[str, str] | None = None
) -> str | None:
    """The first fault of a file; None where this reading finds none.

    Args:
        path: the file.
        contract: what its rows should be.
        columns: the columns it should hold, in the order they have where there is no header.
        seen: the place of each id in earlier files, to which this file's are added; None for a file by itself.
    """
    seen = {} if seen is None else seen
    declared = {column.name: column for column in contract.columns}
    try:
        for row, line, names, cells in _rows(path, contract, columns):
            where = f"{path}: row {row} (line {line})"
            if len(cells) != len(names):
                return f"{where}: {_length_fault(contract, names, cells)}"
            if len(cells) > 1 and not any(cell.strip() for cell in cells):
                return f"{where}: all cells are empty; remove the row"
            if [cell.strip() for cell in cells] == names:
                return f"{where}: repeats the column names; remove the row"
            for name, text in zip(names, cells, strict=True):
                if fault := _cell_fault(contract, declared.get(name), name, text, seen, f"row {row} of {path.name}"):
                    return f"{where}, column {name!r}: {fault}"
    except UnicodeDecodeError:
        return not_utf8(path)
    except csv.Error as error:
        return not_csv(path, error)
    return None


def not_csv(path: Path, error: csv.Error) -> str:
    """Why a file is no CSV, with the remedy."""
    if "field limit" in str(error):
        return f"{path}: a cell is longer than {csv.field_size_limit():,} characters; close the quote before it"
    return f"{path}: is not a CSV file ({error}); save it as CSV in UTF-8"


def place_of(paths: Iterable[Path], contract: Contract, text: str, columns: tuple[str, ...] | None = None) -> str:
    """Where some files first hold a class: file, row and line; empty where they do not.

    Args:
        paths: the files.
        contract: what their rows are.
        text: the class.
        columns: those of the files; None for labelled rows.
    """
    columns = columns or contract.file_columns(labelled=True)
    for path in paths:
        for row, line, names, cells in _rows(path, contract, columns):
            if dict(zip(names, cells, strict=False)).get(contract.target, "").strip() == text:
                return f"{path}: row {row} (line {line})"
    return ""


def _rows(path: Path, contract: Contract, columns: tuple[str, ...]) -> Iterator[tuple[int, int, list[str], list[str]]]:
    """Yield for each row its number, the line it ends on, the names of its cells, and the cells."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=contract.delimiter)
        names = [cell.strip() for cell in next(reader)] if contract.header else list(columns)
        row = 0
        for cells in reader:
            if cells or len(names) == 1:  # other empty lines are skipped by the fast reader too
                row += 1
                yield row, reader.line_num, names, cells or [""]


def _length_fault(contract: Contract, names: list[str], cells: list[str]) -> str:
    counted = f"has {len(cells)} cells and not {len(names)}"
    if any("\n" in cell or "\r" in cell for cell in cells):
        return f"{counted}: close the quote that is opened in the row, or remove the line breaks of its cell"
    if any(cell.startswith(" ") and cell.lstrip().startswith('"') for cell in cells):
        return f"{counted}; a quote has to follow the {contract.delimiter!r} at once: remove the blanks before it"
    if cells[0].lstrip().startswith("#"):
        return f"{counted}; it looks like a comment ({cells[0][:40]!r}): remove the line"
    if len(cells) < len(names) and sum(bool(cell.strip()) for cell in cells) <= 1:
        return f"{counted}; if {cells[0][:40]!r} is a note above or below the table, remove the line"
    if len(cells) == len(names) + 1 and not cells[-1].strip():
        return f"{counted}; remove the {contract.delimiter!r} at its end"
    return f"{counted}; correct the row, or quote a cell that holds a {contract.delimiter!r}"


def _cell_fault(
    contract: Contract, column: Column | None, name: str, text: str, seen: dict[str, str], place: str
) -> str | None:
    role = column.role if column else None
    if "\n" in text or "\r" in text:  # whatever the role: a block of the fast reader may end at any line break
        return "the cell spans several lines; remove its line breaks"
    if role == "target":
        return _target_fault(contract, name, text)
    if role == "numeric":
        return None if text in missing_texts(contract) else _number_fault(contract, name, text)
    if role == "id":
        text = text.strip()
        if not text:
            return "the id is missing; every row needs one"
        if text in seen:
            return f"the id {text!r} is also in {seen[text]}; ids must be unique"
        seen[text] = place
    return unread(text, column, contract) if column and role in TYPED else None


def _target_fault(contract: Contract, name: str, text: str) -> str | None:
    if not text.strip():
        return "the target is missing; fill it in or remove the row"
    if is_missing_class(contract, text) if contract.is_classification else text in missing_texts(contract):
        return (
            f"the target is missing ({text.strip()!r}); fill it in or remove the row, "
            f"or take {text.strip()!r} off csv.missing if it is a value"
        )
    return None if contract.is_classification else _number_fault(contract, name, text)


def _number_fault(contract: Contract, name: str, text: str) -> str | None:
    number, notation = text.strip(BLANKS), contract.notation
    if INFINITE.fullmatch(number) or (notation.reads(number) and abs(notation.value(number)) > FLOAT32_MAX):
        return f"{text!r} is infinite or too large; correct it or leave the cell empty"
    return None if notation.reads(number) else f"{text!r} is not a number; {_remedy(contract, name, number)}"


def _remedy(contract: Contract, name: str, text: str) -> str:
    if text == name:
        instead = "" if contract.header else ", or set csv.header to true in the contract if all files have one"
        return f"the row is a header: remove it{instead}"
    if sign := sign_beside_number(text):
        return f"remove the {sign!r} from the column"
    if other := next((other for other in notations() if other.reads(text)), None):
        return (
            f"it fits {other.in_full}, and the contract says {contract.notation.in_full}: write the numbers of all "
            "files alike, those to train with and those to predict. Correct this file, or "
            f"set {contract.notation.changed_to(other)} in the contract if all numbers of the files are written so"
        )
    return "correct it, or add it to csv.missing if it stands for an empty cell"


def not_utf8(path: Path) -> str:
    """Name the line that is not UTF-8, with what it probably is."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1 and (raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw):
                return f"{path}: line 1 is not UTF-8 but UTF-16; save the file in UTF-8 {_converted('UTF-16', path)}"
            if b"\0" in raw:
                return f"{path}: line {number} holds a NUL byte, which no text has; write the file again"
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                shown = raw[max(0, error.start - 10) : error.start + 10].decode("cp1252", errors="replace").strip()
                return (
                    f"{path}: line {number} is not UTF-8 (in Windows-1252 it reads {shown!r}); "
                    f"save the file in UTF-8 {_converted('WINDOWS-1252', path)}"
                )
    return f"{path}: is not UTF-8; save the file in UTF-8"


def _converted(encoding: str, path: Path) -> str:
    return f"(iconv -f {encoding} -t UTF-8 {shlex.quote(path.name)} > utf8.csv)"
