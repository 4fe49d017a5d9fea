"""Columns whose cells have a form of their own: dates and times, and truth values.

CsvStream checks the texts of such a column; `typed` makes values of them, in one place for fit, apply, transform and
serving. Both work on the distinct texts of a batch.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.columns import BOOLEAN, DATETIME, Column
from mlops_jobs.contract import Contract
from mlops_jobs.datetimes import TimeForm, parts_of
from mlops_jobs.missing_cells import NOT_A_NUMBER, missing_classes

TYPED = (BOOLEAN, DATETIME)
TRUE, FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_BOOLEANS_IN_WORDS = "a truth value: true or false, yes or no, t or f, y or n, 1 or 0, in any case"


def present_texts(texts: pa.Array, contract: Contract) -> pa.Array:
    """Texts without the spaces around them, empty where they stand for a missing cell."""
    texts = pc.utf8_trim_whitespace(texts)
    missing = pa.array([*missing_classes(contract), *NOT_A_NUMBER])
    return pc.if_else(pc.is_in(texts, missing), "", texts)


def form_of(column: Column) -> str:
    """What a filled cell of a typed column must be, in words."""
    return str(TimeForm(column.format)) if column.role == DATETIME else _BOOLEANS_IN_WORDS


def are_all_read(texts: pa.Array, column: Column) -> bool:
    """Whether all texts of a typed column, as `present_texts` returns them, have its form."""
    filled = _filled(texts)
    if column.role == BOOLEAN:
        return bool(_truth(filled).null_count == filled.null_count)
    try:
        TimeForm(column.format).read(filled)
    except pa.ArrowInvalid:
        return False
    return True


def unread(text: str, column: Column, contract: Contract) -> str | None:
    """What is wrong with a cell of a typed column, with the remedy; None for nothing."""
    text = text.strip()
    if not text or text in missing_classes(contract) or text in NOT_A_NUMBER:
        return None
    is_read = text.lower() in (*TRUE, *FALSE) if column.role == BOOLEAN else TimeForm(column.format).reads(text)
    if is_read:
        return None
    other = "" if column.role == BOOLEAN else ", or the format of the column in the contract"
    return (
        f"{text!r} is not {form_of(column)}; correct it{other}, or add it to csv.missing if it stands for an empty cell"
    )


def typed(batch: pa.RecordBatch, contract: Contract) -> pa.RecordBatch:
    """The batch with instants and truth values in place of their texts, and the parts of the instants behind.

    Args:
        batch: rows as CsvStream yields them.
        contract: what they are.

    Returns:
        a datetime column as timestamps in UTC, its parts and a boolean column (1 and 0) as float64, null where missing.
    """
    for column in contract.columns:
        if column.role not in TYPED or column.name not in batch.schema.names:
            continue
        place = batch.schema.get_field_index(column.name)
        coded = batch.column(place)
        filled, indices = _filled(coded.dictionary), coded.indices
        if column.role == BOOLEAN:
            batch = batch.set_column(place, column.name, _truth(filled).take(indices))
            continue
        instants = TimeForm(column.format).read(filled)
        batch = batch.set_column(place, column.name, instants.take(indices))
        for name, part in zip(column.features, parts_of(instants, column.all_parts), strict=True):
            batch = batch.append_column(name, part.take(indices))
    return batch


def _filled(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _truth(texts: pa.Array) -> pa.Array:
    values = pa.array([1.0] * len(TRUE) + [0.0] * len(FALSE))
    return values.take(pc.index_in(pc.utf8_lower(texts), pa.array([*TRUE, *FALSE])))
