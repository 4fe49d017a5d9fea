"""Decide on the roles of columns: those of the contract before where the cells fit them, else what these suggest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from mlops_jobs.columns import BOOLEAN, CATEGORICAL, DATETIME, NUMERIC, Column
from mlops_jobs.contract import Contract
from mlops_jobs.datetime_format import DEFAULT_PARTS
from mlops_jobs.datetimes import TimeForm
from mlops_jobs.number_text import Notation, is_number, unit_of
from mlops_jobs.typed_columns import FALSE, TRUE
from mlops_kit.data.column_facts import MAX_DISTINCT, NUMBERS_SHARE, ColumnFacts, Survey
from mlops_kit.data.date_forms import chosen, is_day_first, strays, usual_forms
from mlops_kit.data.proposal_notes import dates_in, day_or_month, hardly_repeats, most_frequent
from mlops_kit.text import count as count_of

MAX_MARKS = 20  # a column of numbers with more other texts holds two things, and not some marks
MAX_INTEGER_CLASSES = 20  # a target with more distinct integers is a quantity
SHOWN = 3  # of the cells that are no date in the form of most
MIN_REPEATS = 2  # how often a text of a category comes on average; free text hardly repeats
# 2024-01-31, 31.1.2024, 1/31/2024, and a time of day behind
DATE = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?:[T ]+\d{1,2}:\d{2}.*)?", re.ASCII)
KEPT_ROLES = (NUMERIC, CATEGORICAL, BOOLEAN, DATETIME, "ignored")
_TRUTH = [{yes, no} for yes, no in zip(TRUE, FALSE, strict=True) if yes.isalpha()]
AskForm = Callable[[str, tuple[TimeForm, ...]], TimeForm | None]


class ColumnRoles:
    """Decide on the columns' roles, and collect what the user should know about them."""

    def __init__(
        self,
        found: Survey,
        notation: Notation,
        target: str,
        id_column: str,
        current: Contract,
        are_categories: Callable[[str], bool],
        ask_form: AskForm,
    ) -> None:
        self.facts, self.notation, self._are_categories = found.facts, notation, are_categories
        self._ask_form = ask_form
        self.marks: dict[str, None] = {}  # further texts for csv.missing
        self.notes: list[str] = []
        self._current, self._target, self._id, self._rows = current, target, id_column, found.rows
        self._declared = {
            column.name: column
            for column in current.columns
            if column.role in KEPT_ROLES and not column.is_added and current.target == target
        }
        self.is_quantity = self._holds_numbers(target)

    @property
    def left_out(self) -> list[str]:
        """The columns that stay ignored, whatever is in them."""
        return [name for name, column in self._declared.items() if column.role == "ignored"]

    def column(self, name: str) -> Column:
        """A column with its role: that of the current contract where the cells fit it, else what they suggest."""
        if name in (self._target, self._id):
            return Column(name, "target" if name == self._target else "id")
        if Column(name, "input") in self._current.columns:
            return Column(name, "input")
        before, declared = (dict(self.marks), list(self.notes)), self._declared.get(name)
        if declared and declared.role == DATETIME and self._fits(declared):
            return declared
        column = suggested = self._suggested(name)
        if declared and declared != suggested:
            after = self.marks, self.notes
            self.marks, self.notes = before
            if self._fits(declared):
                column = declared
            else:
                self.marks, self.notes = after
            if declared.role != suggested.role:
                self.notes.append(_kept(declared, suggested, is_kept=column is declared))
        is_declared = declared is not None and column.role == declared.role
        if not is_declared or column.role != "ignored":
            self._note_constant(name)
        if column.role in (CATEGORICAL, "ignored") and not is_declared:
            self._note_dates(name, column.role)
        return column

    def _fits(self, column: Column) -> bool:
        """Whether the cells of a column fit its role; where it is numeric, the marks among them are collected."""
        name, facts = column.name, self.facts[column.name]
        if column.role == NUMERIC:
            return self._holds_numbers(name)
        if column.role == DATETIME:
            return not facts.filled or TimeForm(column.format) in facts.time_forms
        if column.role == BOOLEAN:
            return all(text.lower() in (*TRUE, *FALSE) for text in facts.texts)
        texts = len(facts.texts)
        fits = 0 < texts <= MAX_DISTINCT or (texts > MAX_DISTINCT and self._are_categories(name))
        return fits or column.role == "ignored"

    def _suggested(self, name: str) -> Column:
        """The column as its cells suggest it."""
        facts, distinct = self.facts[name], len(self.facts[name].texts)
        if not facts.filled:
            self.notes.append(f"column {name!r} is empty in every row: ignored")
            return Column(name, "ignored")
        if facts.time_forms:
            return self._dates(name)
        if {text.lower() for text in facts.texts} in _TRUTH:
            return Column(name, BOOLEAN)
        if self._names_things(name) or not self._holds_numbers(name):
            if distinct <= MAX_DISTINCT and distinct * MIN_REPEATS <= facts.filled:
                return Column(name, CATEGORICAL)
            self.notes.append(hardly_repeats(name, facts.texts, facts.rows, facts.filled))
            return Column(name, "ignored")
        return Column(name, NUMERIC)

    def _dates(self, name: str) -> Column:
        """A column of dates; ignored while day and month may be either."""
        facts, example = self.facts[name], next(iter(self.facts[name].texts))
        form = chosen(facts.time_forms) or self._ask_form(name, facts.time_forms)
        if form is None:
            ways = {is_day_first(form): form for form in reversed(facts.time_forms)}
            self.notes.append(day_or_month(name, example, tuple(ways[order] for order in sorted(ways, reverse=True))))
            return Column(name, "ignored")
        is_whole = facts.filled == self._rows and self._current.split.column != name
        self.notes.append(dates_in(name, form, example, split=is_whole))
        has_hours = any(":" in text and not text.endswith((" 00:00", "00:00:00")) for text in facts.texts)
        return Column(name, DATETIME, format=form.format, parts=(*DEFAULT_PARTS, "hour") if has_hours else ())

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
        shown = most_frequent(others, facts.rows)
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
        if (
            self.facts[name].time_forms
            or not dates
            or sum(texts[text] for text in dates) < NUMBERS_SHARE * texts.total()
        ):
            return
        declared, empty = self._declared.get(name), self._rows - self.facts[name].filled
        form, others = strays(texts, dates, usual_forms(declared.format if declared else None))
        if form is None:
            others = Counter({text: count for text, count in texts.items() if not DATE.fullmatch(text)})
        found = f" (most cells hold {form})" if form else ""
        if others:
            more = f" and {count_of(len(others) - SHOWN, 'other text')}" if len(others) > SHOWN else ""
            found += f"; other cells are {most_frequent(others, self.facts[name].rows, SHOWN)}{more}"
        elif len(texts) > MAX_DISTINCT:
            found += (
                f"; the first {MAX_DISTINCT} texts do: preprocessing names the row of another one in a datetime column"
            )
        also = f", and {count_of(empty, 'cell')} empty" if empty else ""
        example = next(text for text in dates if form is None or form.reads(text))
        self.notes.append(
            f"column {name!r} holds dates, such as {example!r}, that are not all in one form{found}{also}: write them "
            f"alike to give it the role datetime; {role} until then"
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
        otherwise = written_otherwise(self.facts[name], self.notation)
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


def _kept(declared: Column, suggested: Column, *, is_kept: bool) -> str:
    """What became of the role that the contract before gives a column."""
    if is_kept:
        return (
            f"column {declared.name!r} keeps the role {declared.role} of the contract before; by its cells it would be "
            f"{suggested.role}"
        )
    return (
        f"column {declared.name!r} had the role {declared.role} in the contract before, which its cells no longer fit: "
        f"it is {suggested.role} now"
    )


def _is_code(text: str) -> bool:
    """Whether a text holds letters and digits, such as 85123A; #DIV/0! is an error of a spreadsheet."""
    return not text.startswith("#") and any(map(str.isalpha, text)) and any(map(str.isdigit, text))


def written_otherwise(column: ColumnFacts, notation: Notation) -> Counter[str]:
    """The numbers in another notation than the file's."""
    return Counter({text: count for text, count in column.others(notation).items() if is_number(text)})
