"""Infer a data contract from a CSV file: delimiter, header, column roles, a metric and an initial threshold."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from mlops_jobs.contract import Column, Contract, parse_contract
from mlops_jobs.csv_diagnosis import NUMBER
from mlops_jobs.errors import DataError
from mlops_jobs.metric_names import USUAL_METRIC
from mlops_jobs.splitting import MIN_ROWS_OF_A_CLASS

MAX_PROPOSED_CATEGORIES = 1000  # a text column with more distinct values is free text or an id: proposed as ignored
MAX_INTEGER_CLASSES = 20  # a target with more distinct integers is a quantity
DELIMITERS = ",;\t|"


@dataclass
class ColumnFacts:
    """Counts and sums of a column's cells."""

    filled: int = 0
    numbers: int = 0
    integers: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    total: float = 0.0
    squares: float = 0.0

    def add(self, text: str, missing: tuple[str, ...]) -> None:
        """Count a cell."""
        if not text or text in missing:
            return
        self.filled += 1
        if len(self.texts) <= MAX_PROPOSED_CATEGORIES or text in self.texts:
            self.texts[text] += 1
        if NUMBER.fullmatch(text):
            value = float(text)
            self.numbers += 1
            self.integers += value.is_integer()
            self.total += value
            self.squares += value * value

    @property
    def is_numeric(self) -> bool:
        """Whether every filled cell is a number."""
        return 0 < self.numbers == self.filled

    @property
    def deviation(self) -> float:
        """The standard deviation of the numbers."""
        mean = self.total / self.numbers
        return math.sqrt(max(self.squares / self.numbers - mean * mean, 0.0))


def infer_contract(
    path: Path, current: Contract, target: str | None, id_column: str | None, ask: Callable[[str], str] | None
) -> Contract:
    """Infer a contract from a file of labelled rows.

    Args:
        path: the file.
        current: the project's contract, whose names and metric are kept where they fit.
        target: the column to predict; None to ask for it.
        id_column: the column that identifies a row, empty for none; None to ask for it.
        ask: asks the user a question and returns the answer; None without a terminal.

    Raises:
        DataError: the file is not a table, or lacks a named column.
        ContractError: the contract does not allow the name of a column.
    """
    delimiter, header = _format(path, current.delimiter)
    names, facts = _survey(path, delimiter, header, current.missing)
    if target is None and current.target in names:
        target = current.target
    target = _choose(target, names, f"Which column is to be predicted? ({', '.join(names)})\n> ", ask, "target")
    if id_column is None:
        guess = current.id if current.id in names and current.id != target else ""
        guess = guess or next((name for name in names if name.lower() == "id" and name != target), "")
        id_column = (
            ask(f"Which column uniquely identifies a row, if any? [{guess or 'none'}]\n> ").strip() or guess
            if ask
            else guess
        )
    if id_column:
        _choose(id_column, names, "", None, "id")
    if not facts[target].filled:
        raise DataError(f"{path}: the column {target!r} to predict is empty in every row; fill it in or name another")
    kept = target == current.target and (current.is_classification or facts[target].is_numeric)
    problem_type = current.problem_type if kept else _problem_type(facts[target])
    metric = current.metric if problem_type == current.problem_type else USUAL_METRIC[problem_type]
    proposal = Contract(
        dataset=current.dataset,
        problem_type=problem_type,
        header=header,
        delimiter=delimiter,
        missing=current.missing,
        columns=(
            *(Column(name, _role(name, facts[name], target, id_column, current)) for name in names),
            *_added_columns(names, current),
        ),
        metric=metric,
        threshold=current.threshold if kept else _score_of_guessing(metric, facts[target]),
        positive_class=current.positive_class if kept else None,
    )
    return parse_contract(proposal.to_yaml())


def _format(path: Path, usual: str) -> tuple[str, bool]:
    """The delimiter of a file, and whether it has a header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the path of a CSV file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8; save the file in UTF-8") from error
    if not first.strip():
        raise DataError(f"{path}: is empty or begins with an empty line; give a file with rows")
    delimiter = max(DELIMITERS, key=lambda mark: (first.count(mark), mark == usual))
    names = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
    if any(NUMBER.fullmatch(name) for name in names):
        return delimiter, False
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}: column {number} has no name in the header; name it (pandas writes index=False)")
        if names.count(name) > 1:
            raise DataError(f"{path}: column {name!r} occurs twice in the header; rename or remove one")
    return delimiter, True


def _survey(
    path: Path, delimiter: str, header: bool, missing: tuple[str, ...]
) -> tuple[list[str], dict[str, ColumnFacts]]:
    """Read all cells once; return the names of the columns and the facts about each."""
    rows = _cells(path, delimiter)
    first = next(rows)
    names = [cell.strip() for cell in first] if header else [f"column_{number + 1}" for number in range(len(first))]
    facts = {name: ColumnFacts() for name in names}
    for cells in rows if header else chain([first], rows):
        for name, text in zip(names, cells, strict=False):  # a later check refuses rows of another length
            facts[name].add(text.strip(), missing)
    return names, facts


def _cells(path: Path, delimiter: str) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (cells for cells in csv.reader(file, delimiter=delimiter) if cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV in UTF-8 ({error}); save it as such") from error


def _choose(name: str | None, names: list[str], question: str, ask: Callable[[str], str] | None, option: str) -> str:
    if name is None and ask:
        name = ask(question).strip()
    if name not in names:
        problem = "no column to predict was named" if name is None else f"there is no column {name!r}"
        example = f"--{option} {names[-1]} (make: {option.upper()}={names[-1]})"
        raise DataError(f"{problem}; name one of {', '.join(names)}, for example {example}")
    return name


def _added_columns(names: list[str], current: Contract) -> list[Column]:
    """The columns that jobs/features.py adds, if the file has all columns that it is given."""
    return [column for column in current.columns if column.is_added and set(current.raw_columns) <= set(names)]


def _role(name: str, facts: ColumnFacts, target: str, id_column: str, current: Contract) -> str:
    if name == target:
        return "target"
    if name == id_column:
        return "id"
    if Column(name, "input") in current.columns:
        return "input"
    if facts.is_numeric:
        return "numeric"
    return "categorical" if 0 < len(facts.texts) <= MAX_PROPOSED_CATEGORIES else "ignored"


def _problem_type(facts: ColumnFacts) -> str:
    if len(facts.texts) == 2:
        return "binary"
    if not facts.is_numeric:
        return "multiclass"
    has_rare_values = min(facts.texts.values()) < MIN_ROWS_OF_A_CLASS
    is_quantity = facts.integers < facts.numbers or len(facts.texts) > MAX_INTEGER_CLASSES or has_rare_values
    return "regression" if is_quantity else "multiclass"


def _score_of_guessing(metric: str, facts: ColumnFacts) -> float:
    """The approximate score of always guessing the mean or the most frequent class: a model has to beat it."""
    if metric in ("rmse", "mae", "mse"):
        deviation = facts.deviation or 1.0
        return float(f"{deviation**2 if metric == 'mse' else deviation:.4g}")
    shares = [count / facts.filled for count in facts.texts.values()]
    if metric == "accuracy":
        return round(max(shares), 3)
    if metric == "log_loss":
        return round(-sum(share * math.log(share) for share in shares), 3) or 0.001
    return 0.1 if metric == "r2" else 0.5
