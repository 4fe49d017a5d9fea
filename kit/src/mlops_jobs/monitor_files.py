"""What SageMaker's Model Monitor is handed, so that it reads what was meant.

Its container reads CSV with Spark and takes the type of a column from the text of its cells, as Deequ does. So a
category `00060` would become the number 60, a number in the form 1e-07 a text, and a dot in a column's name an access
to a field of a struct, which stops the container. Here cells are marked and names escaped (monitor_names); `unmarked`
and `unescaped` take it back where a person reads them.

The tolerances that the container suggests are those of an exact copy: the first missing cell, or the first category
that the baseline lacks, breaks them, however small the batch. `tolerant` leaves these to the counts of the batch,
which are judged by a test that fits the numbers of rows (lambdas/report_data_quality).
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.monitor_names import escaped

MARK = "'"  # as spreadsheets mark a text
# A category that a CSV reader may take for a number, a date or a truth value, or that begins with the mark itself.
_TO_MARK = r"(?i)^(['+\-.\d]|(true|false|nan|inf|infinity|null)$)"
SMALLEST, LARGEST = 1e-6, 1e10  # from one to below the other, pyarrow writes numbers without an exponent
TYPE_SHARE = 0.5  # of a column's cells that must have the baseline's type: integers may be so by chance


def monitored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows in the form in which the monitor reads what was meant.

    Args:
        batch: numeric columns as float64, categories as dictionary<string>.
    """
    columns = [_plain_numbers(c) if pa.types.is_floating(c.type) else _marked(c) for c in batch.columns]
    return pa.record_batch(columns, names=[escaped(name) for name in batch.schema.names])


def marked(texts: pa.Array) -> pa.Array:
    """Texts without the spaces around them, and with a mark where one could be read as something else."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(
        pc.match_substring_regex(trimmed, _TO_MARK), pc.binary_join_element_wise(MARK, trimmed, ""), trimmed
    )


def unmarked(text: str) -> str:
    """The text that was marked."""
    return text.removeprefix(MARK)


def tolerant(constraints: dict[str, Any]) -> dict[str, Any]:
    """The constraints of a baseline, without those that a healthy batch breaks by chance.

    Completeness, the domain of a category and non-negativity are left to the counts of the batch. What remains is the
    distance of the distributions (the method Robust fits the numbers of rows) and the type of most cells.

    Args:
        constraints: the content of constraints.json, as the monitor suggested it.
    """
    content = copy.deepcopy(constraints)
    content["monitoring_config"]["datatype_check_threshold"] = TYPE_SHARE
    for feature in content["features"]:
        feature["completeness"] = 0.0
        feature.pop("string_constraints", None)
        if "num_constraints" in feature:
            feature["num_constraints"]["is_non_negative"] = False
    return content


def _marked(column: pa.DictionaryArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(column.indices, marked(column.dictionary))


def _plain_numbers(column: pa.Array) -> pa.Array:
    """The column, or its numbers as texts where one of them would be written with an exponent."""
    sizes = pc.abs(column)
    bounds = pc.min_max(sizes).as_py()
    if bounds["max"] is None or (bounds["min"] >= SMALLEST and bounds["max"] < LARGEST):
        return column
    values = sizes.to_numpy(zero_copy_only=False)
    odd = (values >= LARGEST) | ((values < SMALLEST) & (values > 0))
    if not odd.any():
        return column
    plain = [np.format_float_positional(value, trim="-") for value in column.filter(pa.array(odd)).to_pylist()]
    return pc.replace_with_mask(column.cast(pa.string()), pa.array(odd), pa.array(plain))
