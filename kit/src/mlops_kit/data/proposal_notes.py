"""What the user should know about a proposed contract, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mlops_jobs.datetimes import TimeForm
from mlops_jobs.number_text import Notation
from mlops_kit.data.column_facts import MAX_DISTINCT
from mlops_kit.data.file_form import FileForm

# Texts that pandas and databases write for a missing cell, beside those of csv.missing.
USUAL_MARKS = frozenset({"#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "none", "null"})
WORDS = 3  # on average, from which a text that hardly repeats is free text


def distinct_texts(count: int) -> str:
    """How many texts a column has, as far as they were counted."""
    return f"more than {MAX_DISTINCT} texts" if count > MAX_DISTINCT else f"{count} texts"


def most_frequent(texts: Mapping[str, int], rows: Mapping[str, int], most: int = 5) -> str:
    """The most frequent texts with how often and where they come."""
    listed = Counter(texts).most_common(most)
    return ", ".join(f"{text!r} ({count}, first in row {rows[text]})" for text, count in listed)


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


def notes_on_classes(name: str, values: Mapping[str, int], rows: Mapping[str, int]) -> list[str]:
    """Name what is a class only because csv.missing lacks it.

    Args:
        name: the target.
        values: how often each class comes.
        rows: where each comes first.
    """
    if not (marks := {text: values[text] for text in values if text in USUAL_MARKS}):
        return []
    return [
        f"column {name!r} to predict holds {most_frequent(marks, rows)} as a class; if the target is missing there, "
        "add it to csv.missing of the contract, and remove these rows"
    ]


def notes_on_notation(notation: Notation, sure: bool) -> list[str]:
    """How numbers are read, and whether they could be read otherwise."""
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


def hardly_repeats(name: str, texts: Mapping[str, int], rows: Mapping[str, int], filled: int) -> str:
    """Why a column of text is ignored, with some of it."""
    words = sum(text.count(" ") + 1 for text in texts) / len(texts)
    what = "free text" if words >= WORDS else "each cell nearly a text of its own"
    return (
        f"column {name!r} is ignored: text that hardly repeats ({distinct_texts(len(texts))} in {filled} cells), "
        f"{what}, such as {most_frequent(texts, rows, 2)}"
    )


def dates_in(name: str, form: TimeForm, example: str, *, split: bool) -> str:
    """What is made of a column of dates.

    Args:
        name: the column.
        form: of its cells.
        example: one of them.
        split: whether to propose a split by it.
    """
    written = form.format or "ISO 8601"
    newest = f"; to test on the newest rows, set split: {{by: time, column: {name!r}}}" if split else ""
    return f"column {name!r} holds dates, such as {example!r}, in the form {written}: datetime{newest}"


def day_or_month(name: str, example: str, forms: tuple[TimeForm, ...]) -> str:
    """The question that only the user can answer, on a column of dates that is ignored until then."""
    ways = [str(form.format) for form in forms[:2]]
    return (
        f"column {name!r} holds dates in which day and month may be either, such as {example!r}: say which "
        f"(--format {ways[0]!r} or {ways[1]!r}; make: FORMAT={ways[0]!r}); until then it is ignored"
    )
