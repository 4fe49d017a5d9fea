"""Infer a data contract from a CSV file: its form, column roles, a metric and an initial threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from mlops_jobs.contract import Column, Contract, parse_contract
from mlops_jobs.datetime_format import broken_format
from mlops_jobs.datetimes import TimeForm
from mlops_jobs.errors import ContractError, DataError
from mlops_jobs.fitting import MAX_CATEGORIES
from mlops_jobs.judging_rules import GROUP_ROLES, Gate
from mlops_jobs.metric_names import USUAL_METRIC
from mlops_jobs.missing_cells import NOT_A_NUMBER
from mlops_jobs.number_text import Notation
from mlops_jobs.splitting import MIN_ROWS_OF_A_CLASS
from mlops_kit.data.column_facts import (
    NUMBERS_SHARE,
    ColumnFacts,
    Survey,
    choose_notation,
    rows_of,
    survey,
)
from mlops_kit.data.column_roles import MAX_INTEGER_CLASSES, ColumnRoles, written_otherwise
from mlops_kit.data.date_forms import usual_forms
from mlops_kit.data.file_form import FileForm
from mlops_kit.data.guessing import about_threshold, guessing_on, proposed_threshold
from mlops_kit.data.proposal_notes import most_frequent, notes_on_classes, notes_on_form, notes_on_notation
from mlops_kit.data.source_formats import Source

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
        format: of dates whose day and month may be either, as strptime writes it.
    """

    target: str | None = None
    id: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A contract for a file, and what the user should know about it.

    Attributes:
        contract: the contract.
        notes: a sentence each.
        has_threshold: whether its threshold is that of the contract before; else it is still to be proposed, once the
            rows are known to be sound.
        about_threshold: where the threshold comes from, and what guessing reaches; empty until the rows are known.
    """

    contract: Contract
    notes: tuple[str, ...]
    has_threshold: bool
    about_threshold: str = ""


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
    if wishes.format and (broken := broken_format(wishes.format)):
        raise DataError(f"the format {wishes.format!r} cannot be read, {broken}")
    forms = usual_forms(*(column.format for column in current.datetimes), wishes.format)
    found = survey(source.csv, form.delimiter, form.header, marks, likely_ids, forms)
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
    are_categories, ask_form = partial(_are_categories, source, form), partial(_date_form, wishes, ask)
    columns = ColumnRoles(found, notation, target, id_column, current, are_categories, ask_form)
    _refuse_signs(source, facts, notation, {id_column, *columns.left_out}, target)
    declared = [columns.column(name) for name in names]
    values = _target_values(source, form, target, marks, notation, columns.is_quantity)
    kept = target == current.target and (current.is_classification or values.is_numeric)
    problem_type = current.problem_type if kept else _problem_type(values)
    fits = problem_type == current.problem_type and (kept or not current.main_metric.is_own)
    metric = current.metric if fits else USUAL_METRIC[problem_type]
    every_column = (*declared, *_added_columns(names, current))
    directions = _directions(current) if kept else {}
    contract = Contract(
        dataset=current.dataset,
        problem_type=problem_type,
        header=form.header,
        delimiter=form.delimiter,
        missing=(*current.missing, *columns.marks),
        columns=tuple(
            replace(column, monotone=directions.get(column.name) if column.role == "numeric" else None)
            for column in every_column
        ),
        metric=metric,
        threshold=current.threshold if kept else TO_COME,
        positive_class=current.positive_class if kept else None,
        decimal=notation.decimal,
        thousands=notation.thousands,
        split=current.split.kept_for(names, target),
        own_metrics=current.own_metrics if kept else (),
        gates=tuple(gate for gate in current.gates if kept and _can_be_judged(gate, every_column)),
        decision=current.decision if kept else None,
        class_weights=current.class_weights if kept else None,
    )
    repeated = [f"column {name!r} repeats, so it identifies no row" for name in sorted(found.repeated) if not id_column]
    notes = (
        *notes_on_form(form),
        *notes_on_notation(notation, sure),
        *repeated,
        *columns.notes,
        *([] if values.is_numeric else notes_on_classes(target, values.values, facts[target].rows)),
        *_notes_on_judging(contract, current),
    )
    try:
        parsed = parse_contract(contract.to_yaml())
    except ContractError as error:
        raise ContractError("; ".join([f"{source.path}: {error}", *columns.notes])) from error
    return Proposal(parsed, notes, has_threshold=kept)


def _directions(contract: Contract) -> dict[str, str]:
    """The columns that are monotone, and in which direction."""
    return {column.name: column.monotone for column in contract.columns if column.monotone}


def with_threshold(proposal: Proposal, source: Source) -> Proposal:
    """The proposal with a threshold for the file's rows, unless it has one, and with where it comes from.

    Raises:
        DataError: the rows do not keep the contract.
    """
    contract, reached = proposal.contract, guessing_on(proposal.contract, source.csv)
    if not proposal.has_threshold:
        contract = replace(contract, threshold=proposed_threshold(contract.metric, reached[contract.metric]))
    about = about_threshold(reached, is_kept=proposal.has_threshold)
    return replace(proposal, contract=contract, has_threshold=True, about_threshold=about)


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
        other = (
            {column.name for column in current.columns if column.role != "id"} if target == current.target else set()
        )
        named_id = [name for name in names if name.lower() == "id" and name not in other]
        likely = [current.id] if current.id in names else named_id
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


def _date_form(wishes: Wishes, ask: Ask | None, name: str, forms: tuple[TimeForm, ...]) -> TimeForm | None:
    """The form that the user chooses for dates whose day and month may be either; None without an answer."""
    written = wishes.format
    if written is None and ask:
        ways = ", ".join(str(form.format) for form in forms)
        written = ask(f"How are the dates of column {name!r} written? ({ways}) [ignore the column]\n> ").strip()
    return next((form for form in forms if form.format == written), None)


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
    otherwise = written_otherwise(column, notation)
    is_mixed = otherwise and (numbers or (is_target and len(otherwise) > MAX_INTEGER_CLASSES))
    if is_mixed and numbers + otherwise.total() >= enough:
        shown = next(iter(otherwise))
        return f"column {name!r}: {otherwise.total()} cells are written otherwise than the rest, for example {shown!r}"
    return None


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
            f"{'row' if absent.total() == 1 else 'rows'}: {most_frequent(absent, found)}; "
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
            ("class_weights", contract.class_weights, current.class_weights),
            ("monotone", _directions(contract), _directions(current)),
        )
        if ours != theirs
    ]
    words = "left out what does not fit these columns; add it again where it does"
    return [f"{' and '.join(lost)}: {words}"] if lost else []
