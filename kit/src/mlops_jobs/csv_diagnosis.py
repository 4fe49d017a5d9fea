"""Find the first fault of a CSV file, and describe it in one sentence: file, row, column, remedy.

It runs only after the fast reader has refused a file, so it may be slow; it applies the same rules.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlops_jobs.contract import Contract

# A number as pyarrow reads one; Python's float() takes more, such as "1_000".
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
NOT_A_NUMBER = ("nan", "NaN")  # empty numeric cells, whatever the contract lists
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
    roles = {column.name: column.role for column in contract.columns}
    try:
        for row, line, names, cells in _rows(path, contract, columns):
            where = f"{path}: row {row} (line {line})"
            if len(cells) != len(names):
                return (
                    f"{where}: has {len(cells)} cells and not {len(names)}; "
                    f"correct the row, or quote a cell that holds a {contract.delimiter!r}"
                )
            for name, text in zip(names, cells, strict=True):
                if fault := _cell_fault(contract, roles.get(name), text, seen, f"row {row} of {path.name}"):
                    return f"{where}, column {name!r}: {fault}"
    except UnicodeDecodeError:
        return _not_utf8(path)
    except csv.Error as error:
        return f"{path}: is not a CSV file ({error}); save it as CSV in UTF-8"
    return None


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


def _cell_fault(contract: Contract, role: str | None, text: str, seen: dict[str, str], place: str) -> str | None:
    if "\n" in text or "\r" in text:  # whatever the role: a block of the fast reader may end at any line break
        return "the cell spans several lines; remove its line breaks"
    if role == "target":
        return _target_fault(contract, text)
    if role == "numeric":
        return None if _is_missing(contract, text) else _number_fault(text)
    if role == "id":
        text = text.strip()
        if not text:
            return "the id is missing; every row needs one"
        if text in seen:
            return f"the id {text!r} is also in {seen[text]}; ids must be unique"
        seen[text] = place
    return None


def _is_missing(contract: Contract, text: str) -> bool:
    return text in contract.missing or text in NOT_A_NUMBER


def _target_fault(contract: Contract, text: str) -> str | None:
    if not text.strip() or (not contract.is_classification and _is_missing(contract, text)):
        return "the target is missing; fill it in or remove the row"
    return None if contract.is_classification else _number_fault(text)


def _number_fault(text: str) -> str | None:
    number = text.strip(" \t")
    if INFINITE.fullmatch(number) or (NUMBER.fullmatch(number) and abs(float(number)) > FLOAT32_MAX):
        return f"{text!r} is infinite or too large; correct it or leave the cell empty"
    if not NUMBER.fullmatch(number):
        return f"{text!r} is not a number; correct it, or add it to csv.missing if it stands for an empty cell"
    return None


def _not_utf8(path: Path) -> str:
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return f"{path}: line {line} is not UTF-8; save the file in UTF-8"
    return f"{path}: is not UTF-8; save the file in UTF-8"
