"""The forms in which a file may write dates, tried on all cells of a column."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.datetimes import TimeForm

_NUMBERS = ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%m{0}%y", "%m{0}%d{0}%y")
_NAMES = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d. %B %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def usual_forms(*more: str | None) -> tuple[TimeForm, ...]:
    """Some forms and ISO 8601, and what spreadsheets and databases write; the plainest first."""
    dates = [*(date.format(mark) for mark in "-/." for date in _NUMBERS), *_NAMES]
    usual = (f"{date}{time}" for time in _TIMES for date in dates)
    return tuple(TimeForm(form) for form in dict.fromkeys([None, *more, *usual]))


def forms_of(texts: pa.Array, forms: Sequence[TimeForm]) -> tuple[TimeForm, ...]:
    """Those of some forms that read all texts; a first text refuses most."""
    if not forms or not len(texts):
        return tuple(forms)
    first = texts[0].as_py()
    likely = [form for form in forms if any(map(str.isdigit, first)) and form.reads(first)]
    distinct = pc.unique(texts) if likely else texts
    return tuple(form for form in likely if _reads_all(form, distinct))


def _reads_all(form: TimeForm, texts: pa.Array) -> bool:
    try:
        form.read(texts)
    except pa.ArrowInvalid:
        return False
    return True


def is_day_first(form: TimeForm) -> bool:
    """Whether a form writes the day before the month."""
    written = form.format or "%Y-%m-%d"
    return 0 <= written.find("%d") < written.find("%m")


def chosen(forms: Sequence[TimeForm]) -> TimeForm | None:
    """The plainest of some forms that all fit; None where day and month may be either."""
    by_order = {is_day_first(form): form for form in reversed(forms)}
    return forms[0] if len(by_order) == 1 else None
