"""The forms in which a file may write dates, tried on all cells of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.datetimes import TimeForm

_NUMBERS = ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%m{0}%y", "%m{0}%d{0}%y")
_NAMES = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d. %B %Y")
_FIRST = 20  # texts that show which forms a column may have
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


def strays(
    texts: Mapping[str, int], dates: Sequence[str], forms: Sequence[TimeForm]
) -> tuple[TimeForm | None, Counter[str]]:
    """The form that most cells have, and the texts that do not have it.

    Args:
        texts: how often each comes.
        dates: those of the texts that look like dates; a form that reads none of the first is not tried.
        forms: those to try.

    Returns:
        The form, None where none is tried, and the other texts with their counts.
    """
    likely = [form for form in forms if any(map(form.reads, dates[:_FIRST]))]
    others = {form: Counter({text: count for text, count in texts.items() if not form.reads(text)}) for form in likely}
    if not likely:
        return None, Counter()
    form = min(likely, key=lambda form: others[form].total())
    return form, others[form]
