"""Find columns that alone give the target away: copies of it, sums with it, or what is known only after it.

They are looked for in a sample of the rows: those with the lowest hashes, so the same in whatever order they come.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.contract import Contract

SAMPLE_ROWS = 20_000
MIN_ROWS = 50  # of fewer, a column fits the target by chance
MIN_OTHER_ROWS = 5  # rows beside those of the most frequent class
MIN_ROWS_OF_A_CATEGORY = 10.0  # on average; a text that hardly repeats goes with one class each anyway
MIN_ROWS_OF_A_CLASS = 2.0  # on average; classes of one row each, such as dates, are always separate
LINE_TOLERANCE = 0.01  # of the range of the middle 90 % of the target
REMEDY = "give it the role ignored in the contract unless it is known before the target is"


class SampledRows:
    """Keep the rows with the lowest hashes of a stream, about SAMPLE_ROWS."""

    def __init__(self) -> None:
        self._limit = np.uint64(2**64 - 1)
        self._parts: list[tuple[np.ndarray, pa.RecordBatch]] = []
        self._rows, self._most = 0, 2 * SAMPLE_ROWS

    def add(self, hashes: np.ndarray, rows: pa.RecordBatch) -> None:
        """Take in the rows of a batch with their hashes; shape (n,), uint64, evenly spread."""
        low = hashes <= self._limit
        if not low.all():
            hashes, rows = hashes[low], rows.filter(pa.array(low))
        if len(hashes):
            self._parts.append((hashes, rows))
            self._rows += len(hashes)
        if self._rows > self._most:
            self._keep_the_lowest()

    def _keep_the_lowest(self) -> None:
        kept = np.concatenate([hashes for hashes, _ in self._parts])
        self._limit = np.partition(kept, SAMPLE_ROWS)[SAMPLE_ROWS]
        lows = [(hashes, rows, hashes <= self._limit) for hashes, rows in self._parts]
        self._parts = [(hashes[low], rows.filter(pa.array(low))) for hashes, rows, low in lows if low.any()]
        self._rows = sum(len(hashes) for hashes, _ in self._parts)
        self._most = 2 * max(SAMPLE_ROWS, self._rows)  # rows that repeat have one hash, and stay together

    def table(self) -> pa.Table:
        """The rows that were kept."""
        return pa.Table.from_batches([rows for _, rows in self._parts]).unify_dictionaries()


def giveaways(table: pa.Table, contract: Contract) -> dict[str, str]:
    """The features that alone give the target away, each with the reason and the remedy.

    Args:
        table: a sample of labelled rows, as CsvStream reads them, maybe with the team's own features.
        contract: what the rows are.
    """
    target = _codes(table[contract.target]) if contract.is_classification else table[contract.target].to_numpy()
    if len(target) < MIN_ROWS or len(target) - np.unique(target, return_counts=True)[1].max() < MIN_OTHER_ROWS:
        return {}
    found = {}
    for name in contract.features:
        if name not in table.column_names:
            continue  # jobs/features.py adds it
        if name in contract.categorical:
            reason = _goes_with_one_value(_codes(table[name]), target)
        elif contract.is_classification:
            reason = _separates(table[name].to_numpy(), target)
        else:
            reason = _is_linear(table[name].to_numpy(), target)
        if reason:
            found[name] = f"{reason}: {REMEDY}"
    return found


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number for each text without the spaces around it; shape (n,)."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return texts.combine_chunks().dictionary_encode().indices.to_numpy()


def _goes_with_one_value(codes: np.ndarray, target: np.ndarray) -> str:
    distinct, code = np.unique(codes, return_inverse=True)
    if len(target) / len(distinct) < MIN_ROWS_OF_A_CATEGORY:
        return ""
    lowest, highest = _ranges(code, target, len(distinct))
    return "each of its categories goes with one value of the target" if np.array_equal(lowest, highest) else ""


def _separates(values: np.ndarray, target: np.ndarray) -> str:
    """Whether the numbers of the classes lie in ranges that do not meet; a missing number is a value of its own."""
    missing = np.isnan(values)
    if missing.any() and len(np.unique(target[missing])) > 1:
        return ""
    filled, labels = values[~missing], np.unique(target[~missing], return_inverse=True)[1]
    if missing.any() and np.isin(target[missing][0], target[~missing]):
        return ""
    if not len(filled):
        return ""
    classes = labels.max() + 1
    if len(filled) < MIN_ROWS_OF_A_CLASS * classes:
        return ""
    lowest, highest = _ranges(labels, filled, classes)
    order = np.argsort(lowest)
    if (highest[order][:-1] >= lowest[order][1:]).any():
        return ""
    return "its numbers separate the classes of the target" + (" (as does a missing one)" if missing.any() else "")


def _is_linear(values: np.ndarray, target: np.ndarray) -> str:
    filled = ~np.isnan(values)
    x, y = values[filled].astype(np.float64), target[filled].astype(np.float64)
    if len(x) < MIN_ROWS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return ""
    if np.array_equal(x, y):
        return "it equals the target"
    centred = x - x.mean()
    slope = (centred @ (y - y.mean())) / (centred @ centred)
    residuals = np.abs(y - y.mean() - slope * centred)
    low, high = np.quantile(y, [0.05, 0.95])
    return "the target is a linear function of it" if residuals.max() <= LINE_TOLERANCE * (high - low) else ""


def _ranges(groups: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of each of `count` groups."""
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, groups, values)
    np.maximum.at(highest, groups, values)
    return lowest, highest
