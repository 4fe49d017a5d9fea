"""Infer a data contract from a CSV file: its form, column roles, a metric and an initial threshold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import pyarrow as pa

from mlops_jobs.contract import Column, Contract, parse_contract
from mlops_jobs.errors import ContractError, DataError
from mlops_jobs.fitting import MAX_CATEGORIES
from mlops_jobs.judging_rules import GROUP_ROLES, Gate
from mlops_jobs.metric_names import USUAL_METRIC
from mlops_jobs.missing_cells import NOT_A_NUMBER
from mlops_jobs.number_text import Notation, is_number, unit_of
from mlops_jobs.split_rule import TIME, SplitRule
from mlops_jobs.split_times import TimeColumn
from mlops_jobs.splitting import MIN_ROWS_OF_A_CLASS
from mlops_kit.data.column_facts import (
    MAX_DISTINCT,
    NUMBERS_SHARE,
    ColumnFacts,
    Survey,
    choose_notation,
    rows_of,
    survey,
)
from mlops_kit.data.file_form import FileForm
from mlops_kit.data.guessing import with_proposed_threshold
from mlops_kit.data.source_formats import Source
from mlops_kit.text import count as count_of

MAX_MARKS = 20  # a column of numbers with more other texts holds two things, and not some marks
MAX_INTEGER_CLASSES = 20  # a target with more distinct integers is a quantity
MIN_REPEATS = 2  # how often a text of a category comes on average; free text hardly repeats
# Texts that pandas and databases write for a missing cell, beside those of csv.missing.
USUAL_MARKS = frozenset({"#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "none", "null"})
# 2024-01-31, 31.1.2024, 1/31/2024, and a time of day behind
DATE = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?:[T ]+\d{1,2}:\d{2}.*)?", re.ASCII)
NONE = ("", "none", "-")  # the answers of a user who wants no id
TO_COME = 1.0  # a threshold that fits every metric, until one is proposed
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Wishes:
    """What the user says about a file; None for what is to be found out.

    Attributes:
        target: the column to predict.
        id: the column that identifies a row, empty for none.
        delimiter: between the cells.
        header: whether the first row holds the names.
        decimal: the decimal mark.
        thousands: the mark between thousands, empty for none.
    """

    target: str | None = None
    id: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A contract for a file, and what the user should know about it.

    Attributes:
        contract: the contract.
        notes: a sentence each.
        has_threshold: whether its threshold is that of the contract before; else it is still to be proposed, once the
            rows are known to be sound.
    """

    contract: Contract
    notes: tuple[str, ...]
    has_threshold: bool


@dataclass(frozen=True)
class Target:
    """The target's values under the notation of the file, for the problem type."""

    values: Counter[str]  # how often each comes; one number is one value however it is written
    spellings: int  # how many texts stand for them
    is_numeric: bool


def infer_contract(source: Source, form: FileForm, current: Contract, wishes: Wishes, ask: Ask | None) -> Proposal:
    """Infer a contract from a file of labelled rows.

    Args:
        source: the file, without lines above the table.
        form: its delimiter and header.
        current: the project's contract, whose names and metric are kept where they fit.
        wishes: what the user says.
        ask: asks the user a question and returns the answer; None without a terminal.

    Raises:
        DataError: the file is not a table, lacks a named column, or writes its numbers with signs.
        ContractError: the contract does not allow the name of a column.
    """
    marks = {"", *(mark.strip() for mark in current.missing), *NOT_A_NUMBER}
    likely_ids = [current.id or "", wishes.id or "", "id", "ID", "Id"]
    found = survey(source.csv, form.delimiter, form.header, marks, likely_ids)
    names, facts = list(found.facts), found.facts
    if not found.rows:
        raise DataError(f"{source.path}: has a header and no row below it; add rows")
    target = _target_of(source, names, current, wishes, ask)
    id_column = _id_of(source, found, target, current, wishes, ask)
    if not facts[target].filled:
        raise DataError(
            f"{source.path}: the column {target!r} to predict is empty in every row; fill it in or name another"
        )
    notation, sure = _notation(facts, form, wishes)
    columns = _Columns(found, notation, target, id_column, current, partial(_are_categories, source, form))
    _refuse_signs(source, facts, notation, {id_column, *columns.left_out}, target)
    roles = {name: columns.role(name) for name in names}
    values = _target_values(source, form, target, marks, notation, columns.is_quantity)
    kept = target == current.target and (current.is_classification or values.is_numeric)
    problem_type = current.problem_type if kept else _problem_type(values)
    fits = problem_type == current.problem_type and (kept or not current.main_metric.is_own)
    metric = current.metric if fits else USUAL_METRIC[problem_type]
    every_column = (*(Column(name, role) for name, role in roles.items()), *_added_columns(names, current))
    contract = Contract(
        dataset=current.dataset,
        problem_type=problem_type,
        header=form.header,
        delimiter=form.delimiter,
        missing=(*current.missing, *columns.marks),
        columns=every_column,
        metric=metric,
        threshold=current.threshold if kept else TO_COME,
        positive_class=current.positive_class if kept else None,
        decimal=notation.decimal,
        thousands=notation.thousands,
        split=current.split.kept_for(names, target),
        own_metrics=current.own_metrics if kept else (),
        gates=tuple(gate for gate in current.gates if kept and _can_be_judged(gate, every_column)),
        decision=current.decision if kept else None,
    )
    repeated = [f"column {name!r} repeats, so it identifies no row" for name in sorted(found.repeated) if not id_column]
    notes = (
        *notes_on_form(form),
        *_notes_on_notation(notation, sure),
        *repeated,
        *columns.notes,
        *_notes_on_classes(target, values, facts[target].rows),
        *_notes_on_judging(contract, current),
    )
    try:
        parsed = parse_contract(contract.to_yaml())
    except ContractError as error:
        raise ContractError("; ".join([f"{source.path}: {error}", *columns.notes])) from error
    return Proposal(parsed, notes, has_threshold=kept)


def with_threshold(proposal: Proposal, source: Source) -> Proposal:
    """The proposal with a threshold for the file's rows, unless it has one.

    Raises:
        DataError: the rows do not keep the contract.
    """
    if proposal.has_threshold:
        return proposal
    return replace(proposal, contract=with_proposed_threshold(proposal.contract, source.csv), has_threshold=True)


def _target_of(source: Source, names: list[str], current: Contract, wishes: Wishes, ask: Ask | None) -> str:
    target = wishes.target
    if target is None and current.target in names:
        target = current.target
    if target is None and ask:
        target = ask(f"Which column is to be predicted? ({', '.join(names)})\n> ").strip()
    return _named(source, target, names, "target")


def _id_of(source: Source, found: Survey, target: str, current: Contract, wishes: Wishes, ask: Ask | None) -> str:
    """The column that identifies a row; empty for none."""
    names, id_column = list(found.facts), wishes.id
    if id_column is None:
        likely = [current.id or "", *(name for name in names if name.lower() == "id")]
        fitting = (name for name in likely if name in names and name != target and name not in found.repeated)
        id_column = guess = next(fitting, "")
        if ask:
            hint = f"{guess}; none: no column does" if guess else "none"
            id_column = ask(f"Which column uniquely identifies a row, if any? [{hint}]\n> ").strip() or guess
    if id_column in found.repeated:
        raise DataError(
            f"{source.path}: column {id_column!r} has empty or repeated cells, so it identifies no row; "
            "name another one, or none with --id none (make: ID=none)"
        )
    if id_column in names:
        return id_column
    return "" if means_none(id_column) else _named(source, id_column, names, "id")


def means_none(id_column: str) -> bool:
    """Whether an answer that is no column's name means that no column identifies a row."""
    return id_column.lower() in NONE


def _named(source: Source, name: str | None, names: list[str], option: str) -> str:
    if name not in names:
        problem = "no column to predict was named" if name is None else f"there is no column {name!r}"
        example = f"--{option} '{names[-1]}' (make: {option.upper()}='{names[-1]}')"
        raise DataError(f"{source.path}: {problem}; name one of {', '.join(names)}, for example {example}")
    return name


def _notation(facts: dict[str, ColumnFacts], form: FileForm, wishes: Wishes) -> tuple[Notation, bool]:
    notation, sure = choose_notation(facts.values(), form.delimiter)
    if wishes.decimal is None and wishes.thousands is None:
        return notation, sure
    decimal = notation.decimal if wishes.decimal is None else wishes.decimal
    thousands = notation.thousands if wishes.thousands is None else wishes.thousands or None
    if thousands == decimal and wishes.thousands:
        raise DataError(f"numbers cannot have {decimal!r} as decimal mark and between thousands; name two marks")
    return Notation(decimal, None if thousands == decimal else thousands), True


def _refuse_signs(
    source: Source, facts: dict[str, ColumnFacts], notation: Notation, left_out: Collection[str], target: str
) -> None:
    """Raise DataError where numbers have signs beside them, or are written in two notations."""
    faults = [
        fault
        for name in facts
        if name not in left_out and (fault := _sign_fault(name, facts[name], notation, is_target=name == target))
    ]
    if faults:
        raise DataError(
            f"{source.path}: {'; '.join(faults)}; to use the numbers, write them alike and without sign, "
            "and negative ones as -3"
        )


def _sign_fault(name: str, column: ColumnFacts, notation: Notation, *, is_target: bool) -> str | None:
    others, signs, numbers = column.others(notation), column.signs(notation), column.numbers(notation)
    enough = NUMBERS_SHARE * column.filled
    if signs and numbers + signs.total() >= enough:
        [(sign, _)] = signs.most_common(1)
        shown = next(text for text in others if sign in text)
        return f"column {name!r}: {signs.total()} cells have {sign!r} beside the number, for example {shown!r}"
    otherwise = _written_otherwise(column, notation)
    is_mixed = otherwise and (numbers or (is_target and len(otherwise) > MAX_INTEGER_CLASSES))
    if is_mixed and numbers + otherwise.total() >= enough:
        shown = next(iter(otherwise))
        return f"column {name!r}: {otherwise.total()} cells are written otherwise than the rest, for example {shown!r}"
    return None


def _written_otherwise(column: ColumnFacts, notation: Notation) -> Counter[str]:
    """The numbers in another notation than the file's."""
    return Counter({text: count for text, count in column.others(notation).items() if is_number(text)})


class _Columns:
    """Decide on the columns' roles, and collect what the user should know about them."""

    def __init__(
        self,
        found: Survey,
        notation: Notation,
        target: str,
        id_column: str,
        current: Contract,
        are_categories: Callable[[str], bool],
    ) -> None:
        self.facts, self.notation, self._are_categories = found.facts, notation, are_categories
        self.marks: dict[str, None] = {}  # further texts for csv.missing
        self.notes: list[str] = []
        self._current, self._target, self._id, self._rows = current, target, id_column, found.rows
        self._declared = {
            column.name: column.role
            for column in current.columns
            if column.role in ("numeric", "categorical", "ignored") and not column.is_added and current.target == target
        }
        self.is_quantity = self._holds_numbers(target)

    @property
    def left_out(self) -> list[str]:
        """The columns that stay ignored, whatever is in them."""
        return [name for name, role in self._declared.items() if role == "ignored"]

    def role(self, name: str) -> str:
        """The role of a column: that of the current contract where it fits the cells, else what the cells suggest."""
        if name == self._target:
            return "target"
        if name == self._id:
            return "id"
        if Column(name, "input") in self._current.columns:
            return "input"
        before, declared = (dict(self.marks), list(self.notes)), self._declared.get(name)
        role = suggested = self._suggested(name)
        if declared and declared != suggested:
            after = self.marks, self.notes
            self.marks, self.notes = before
            if self._fits(name, declared):
                role = declared
                self.notes.append(
                    f"column {name!r} keeps the role {declared} of the contract before; by its cells it would be "
                    f"{suggested}"
                )
            else:
                self.marks, self.notes = after
                self.notes.append(
                    f"column {name!r} had the role {declared} in the contract before, which its cells no longer fit: "
                    f"it is {suggested} now"
                )
        if role != declared or role != "ignored":
            self._note_constant(name)
        if role in ("categorical", "ignored") and role != declared:
            self._note_dates(name, role)
        return role

    def _fits(self, name: str, role: str) -> bool:
        """Whether the cells of a column fit a role; where it is numeric, the marks among them are collected."""
        if role == "numeric":
            return self._holds_numbers(name)
        texts = len(self.facts[name].texts)
        return role == "ignored" or 0 < texts <= MAX_DISTINCT or (texts > MAX_DISTINCT and self._are_categories(name))

    def _suggested(self, name: str) -> str:
        """The role that the cells of a column suggest."""
        facts, distinct = self.facts[name], len(self.facts[name].texts)
        if not facts.filled:
            self.notes.append(f"column {name!r} is empty in every row: ignored")
            return "ignored"
        if self._names_things(name) or not self._holds_numbers(name):
            if distinct <= MAX_DISTINCT and distinct * MIN_REPEATS <= facts.filled:
                return "categorical"
            self.notes.append(
                f"column {name!r} hardly repeats ({_distinct(distinct)} in {facts.filled} cells): ignored"
            )
            return "ignored"
        return "numeric"

    def _names_things(self, name: str) -> bool:
        """Whether integers are codes, such as 00060 or 9007199254740993."""
        facts = self.facts[name]
        example = next(
            (text for text in facts.texts if text.startswith("0") and text.isdigit() and len(text) > 1), None
        )
        if facts.codes and example:
            self.notes.append(
                f"column {name!r} holds codes such as {example!r}, whose zeros matter: text and no numbers"
            )
        elif facts.exceeding:
            self.notes.append(f"column {name!r} holds integers of 16 digits and more, as identifiers have: no numbers")
        return bool(facts.codes or facts.exceeding)

    def _holds_numbers(self, name: str) -> bool:
        """Whether a column is one of numbers; the other texts in it, if they are few, become marks."""
        facts, others = self.facts[name], self.facts[name].others(self.notation)
        if not facts.is_numeric(self.notation):
            self._note_unit(name)
            self._note_notation(name)
            return False
        others.pop(name, None)  # a header in the midst of rows, which a later check refuses
        if name == self._target and not self._is_numeric_target(others):
            return False
        if name == self._target:
            return True  # what is no number in it is refused with its rows
        count = facts.filled - facts.numbers(self.notation)
        shown = _shown(others, facts.rows)
        codes = sum(number for text, number in others.items() if _is_code(text))
        if len(others) > MAX_MARKS or 2 * codes > others.total() or set(others) & set(self._classes()):
            self.notes.append(
                f"column {name!r} holds {count} cells of text among numbers: {shown} ...; they are codes, classes of "
                "the target or too many different ones to stand for an empty cell, so it is taken as text"
            )
            return False
        if others:
            self.marks.update(dict.fromkeys(others))
            self.notes.append(
                f"column {name!r} holds {count} cells that are no numbers: {shown}; "
                "they count as empty (csv.missing), unless you correct them"
            )
        return True

    def _note_constant(self, name: str) -> None:
        facts = self.facts[name]
        if len(facts.texts) == 1 and facts.filled == self._rows:
            self.notes.append(
                f"column {name!r} holds {next(iter(facts.texts))!r} in every row, so no model can learn from it: give "
                "it the role ignored"
            )

    def _note_dates(self, name: str, role: str) -> None:
        texts = self.facts[name].texts
        dates = [text for text in texts if DATE.fullmatch(text)]
        if not dates or sum(texts[text] for text in dates) < NUMBERS_SHARE * texts.total():
            return
        empty = self._rows - self.facts[name].filled
        steps = [
            *([] if _are_times(name, texts) else ["write all dates as 2024-01-31"]),
            *([f"fill in the {count_of(empty, 'empty cell')}"] if empty else []),
        ]
        rule = self._current.split
        split = f"to test on the newest rows, {', '.join([*steps, ''])}set split: {{by: time, column: {name!r}}}"
        self.notes.append(
            f"column {name!r} holds dates, such as {dates[0]!r}, and no model reads these as times: "
            f"{'' if (rule.by, rule.column) == (TIME, name) else f'{split}; '}give it the role input if "
            f"jobs/features.py computes features from it{'' if role == 'ignored' else ', else ignored'}"
        )

    def _note_unit(self, name: str) -> None:
        units = Counter(unit_of(text) for text in self.facts[name].texts)
        unit, count = units.most_common(1)[0]
        if unit and count >= NUMBERS_SHARE * units.total():
            example = next(text for text in self.facts[name].texts if unit_of(text) == unit)
            self.notes.append(
                f"column {name!r} holds numbers with a unit, such as {example!r}, which are text: "
                f"remove {unit!r} from the file to use the numbers"
            )

    def _note_notation(self, name: str) -> None:
        otherwise = _written_otherwise(self.facts[name], self.notation)
        texts = self.facts[name].texts
        if otherwise and sum(texts[text] for text in otherwise) >= NUMBERS_SHARE * texts.total():
            self.notes.append(
                f"column {name!r} holds numbers that are written otherwise than those of most columns, such as "
                f"{next(iter(otherwise))!r}, which are text: write all columns alike to use the numbers"
            )

    def _is_numeric_target(self, others: Counter[str]) -> bool:
        """A word beside few numbers is a class; beside many numbers, or without a letter, it is a mark."""
        many = len(self.facts[self._target].texts) - len(others) > MAX_INTEGER_CLASSES
        return many or not any(letter.isalpha() for text in others for letter in text)

    def _classes(self) -> Counter[str]:
        return Counter() if self.is_quantity else self.facts[self._target].texts


def _are_times(name: str, texts: Iterable[str]) -> bool:
    """Whether a split by time reads all texts."""
    try:
        TimeColumn(SplitRule(TIME, name)).read(pa.array(list(texts), pa.string()), name, 0)
    except DataError:
        return False
    return True


def _is_code(text: str) -> bool:
    """Whether a text holds letters and digits, such as 85123A; #DIV/0! is an error of a spreadsheet."""
    return not text.startswith("#") and any(map(str.isalpha, text)) and any(map(str.isdigit, text))


def _distinct(count: int) -> str:
    return f"more than {MAX_DISTINCT} texts" if count > MAX_DISTINCT else f"{count} texts"


def _shown(texts: Mapping[str, int], rows: Mapping[str, int]) -> str:
    """The most frequent texts with how often and where they come."""
    listed = Counter(texts).most_common(5)
    return ", ".join(f"{text!r} ({count}, first in row {rows[text]})" for text, count in listed)


def _are_categories(source: Source, form: FileForm, name: str) -> bool:
    """Whether a column has no more texts than the jobs take for categories, where the survey has not counted all."""
    rows, texts = rows_of(source.csv, form.delimiter), set[str]()
    first = next(rows)
    place = [cell.strip() for cell in first].index(name) if form.header else int(name.removeprefix("column_")) - 1
    for cells in rows if form.header else chain([first], rows):
        texts.update(cells[place : place + 1])
        if len(texts) > MAX_CATEGORIES:
            return False
    return True


def _target_values(
    source: Source, form: FileForm, target: str, missing: set[str], notation: Notation, is_numeric: bool
) -> Target:
    """Read the target's column once more, now that the notation of its numbers is known.

    Raises:
        DataError: it is missing in a row.
    """
    rows = rows_of(source.csv, form.delimiter)
    first = next(rows)
    names = [cell.strip() for cell in first] if form.header else [f"column_{n + 1}" for n in range(len(first))]
    place, values, absent, found = names.index(target), Counter[str](), Counter[str](), dict[str, int]()
    spellings: set[str] = set()
    for row, cells in enumerate(rows if form.header else chain([first], rows), start=1):
        if place >= len(cells) or (text := cells[place].strip()) == target or not "".join(cells).strip():
            continue  # a short row, a header, an empty row: a later check refuses each with its place
        if text in missing or (is_numeric and not notation.reads(text)):
            absent[text] += 1
            found.setdefault(text, row)
        else:
            values[repr(notation.value(text)) if is_numeric else text] += 1
            spellings.add(text)
    if absent:
        marks = [text for text in absent if text and text in missing]
        remedy = f", or take {marks[0]!r} off csv.missing if it is a value" if marks else ""
        raise DataError(
            f"{source.path}: column {target!r}: the target is missing in {absent.total()} "
            f"{'row' if absent.total() == 1 else 'rows'}: {_shown(absent, found)}; "
            f"fill it in or remove these rows{remedy}"
        )
    return Target(values, len(spellings), is_numeric)


def _added_columns(names: list[str], current: Contract) -> list[Column]:
    """The columns that jobs/features.py adds, if the file has all columns that it is given."""
    return [column for column in current.columns if column.is_added and set(current.raw_columns) <= set(names)]


def _problem_type(target: Target) -> str:
    if len(target.values) == 2:  # written in more ways, such as 1 and 1.0, they are more classes to the jobs
        return "binary" if target.spellings == 2 else "multiclass"
    if not target.is_numeric:
        return "multiclass"
    has_rare_values = min(target.values.values()) < MIN_ROWS_OF_A_CLASS
    has_fractions = any(not float(value).is_integer() for value in target.values)
    is_quantity = has_fractions or len(target.values) > MAX_INTEGER_CLASSES or has_rare_values
    return "regression" if is_quantity else "multiclass"


def notes_on_form(form: FileForm) -> list[str]:
    """What the user should know about how a file was read."""
    notes = [
        f"read with {form} (otherwise: --delimiter, --header, --no-header; make: DELIMITER=, HEADER=yes or no)"
        + ("" if form.sure else ". The rows leave in doubt whether the first is a header: look at the names")
    ]
    if form.above:
        notes.append(
            f"{form.above} lines above the table were left out; files that the jobs read must come without them"
            if form.above > 1
            else "the line above the table was left out; files that the jobs read must come without it"
        )
    if form.trailing:
        notes.append("delimiters at the ends of lines were left out; files that the jobs read must not have them")
    return notes


def _notes_on_classes(name: str, target: Target, rows: Mapping[str, int]) -> list[str]:
    """Name what is a class only because csv.missing lacks it."""
    if target.is_numeric or not (marks := {text: target.values[text] for text in target.values if text in USUAL_MARKS}):
        return []
    return [
        f"column {name!r} to predict holds {_shown(marks, rows)} as a class; if the target is missing there, add it to "
        "csv.missing of the contract, and remove these rows"
    ]


def _can_be_judged(gate: Gate, columns: Sequence[Column]) -> bool:
    """Whether the column of a gate on groups is still there, with a role that has groups."""
    return gate.by is None or any(column.name == gate.by and column.role in GROUP_ROLES for column in columns)


def _notes_on_judging(contract: Contract, current: Contract) -> list[str]:
    """Name what the contract had besides its metric, and the proposal lacks."""
    lost = [
        f"{key} of the contract"
        for key, ours, theirs in (
            ("own_metrics", contract.own_metrics, current.own_metrics),
            ("gates", contract.gates, current.gates),
            ("decision", contract.decision, current.decision),
        )
        if ours != theirs
    ]
    words = "left out what does not fit these columns; add it again where it does"
    return [f"{' and '.join(lost)}: {words}"] if lost else []


def _notes_on_notation(notation: Notation, sure: bool) -> list[str]:
    if notation == Notation():
        open_question = (
            "all numbers with a dot have three digits behind it, such as 1.234: read as 1 and a fraction; if the dot "
            "stands between thousands, say so (--decimal , --thousands . or make: DECIMAL=, THOUSANDS=.)"
        )
        return [] if sure else [open_question]
    doubt = "" if sure else ". The numbers could be read otherwise, too: check one"
    return [
        f"numbers are read with {str(notation).replace(' to ', ' ')} (otherwise: --decimal, --thousands; "
        f"make: DECIMAL=, THOUSANDS=){doubt}"
    ]
