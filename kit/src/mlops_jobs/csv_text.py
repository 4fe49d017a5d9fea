"""Record batches as the text of CSV: the same bytes as pyarrow's CSVWriter, sooner.

Most of that writer's time goes into the digits of floating-point numbers. Data mostly holds numbers of few digits, for
which this module looks the text up: 0.1234 is entry 1234 in a table of ten-thousandths. Other numbers are formatted by
pyarrow, as in its writer. Each cell is laid, with its separator, into some words of 8 bytes; the bytes that are left
over (NUL) are dropped from all rows at once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_DECIMALS = 4
MAX_ENTRY = 99_999  # with a sign, a point and a separator its text fills a word
MIN_ROWS = 1_000  # of fewer rows, pyarrow formats each number sooner than this module makes a table
MAX_WIDTH = 64  # in slots as wide as longer texts, most bytes would be left over
WORD = 8


class CsvText:
    """Turn record batches of one schema into lines."""

    def __init__(self, schema: pa.Schema) -> None:
        separators = [","] * (len(schema) - 1) + ["\n"]
        self._separators = dict(zip(schema.names, separators, strict=True))
        self._decimals = dict.fromkeys(schema.names, 0)
        self._memory = np.empty(0, np.uint64)

    def lines(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """The lines of some rows, texts in quotes, nothing where a cell is missing; None where pyarrow is as fast."""
        if batch.num_rows < MIN_ROWS:
            return None
        slots = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            cells = self._cells(name, column)
            if cells is None:
                return None
            slots.append(cells)
        text = self._side_by_side(slots).view(np.uint8)
        return text[text != 0]

    def _side_by_side(self, slots: list[np.ndarray]) -> np.ndarray:
        """The words of all cells, row by row, in memory that is used again: to get fresh memory takes as long."""
        rows, width = len(slots[0]), sum(cells.shape[1] for cells in slots)
        if len(self._memory) < rows * width:
            self._memory = np.empty(rows * width, np.uint64)
        words = self._memory[: rows * width]
        np.concatenate(slots, axis=1, out=words.reshape(rows, width))
        return words

    def _cells(self, name: str, column: pa.Array) -> np.ndarray | None:
        """The texts of a column in words, each with its separator; shape (n, words), uint64."""
        separator = self._separators[name]
        if pa.types.is_dictionary(column.type):
            texts = _words(_quoted(column.dictionary), separator)
            return None if texts is None else texts[column.indices.to_numpy()]
        if pa.types.is_string(column.type):
            return _words(_quoted(column), separator)
        if pa.types.is_float64(column.type) and self._decimals[name] <= MAX_DECIMALS:
            cells, self._decimals[name] = look_up(column, separator, self._decimals[name])
            if cells is not None:
                return cells
        return _words(column.cast(pa.string()), separator)


def look_up(column: pa.Array, separator: str, decimals: int) -> tuple[np.ndarray | None, int]:
    """Find the texts of numbers that are a whole number of tenths, hundredths, ...

    Args:
        column: float64, with nulls for missing cells.
        separator: what follows each cell.
        decimals: how many the column had so far.

    Returns:
        the texts in words, or None where a number is in no table, and the decimals to begin with next time.
    """
    values = (column.fill_null(0.0) if column.null_count else column).to_numpy()
    while decimals <= MAX_DECIMALS:
        scale = 10.0**decimals
        with np.errstate(over="ignore"):  # then it is infinite, and in no table
            entries = np.rint(values * scale)
        if not (entries.max() <= MAX_ENTRY and entries.min() >= -MAX_ENTRY):  # or NaN
            return None, decimals
        if np.array_equal(entries / scale, values):
            if np.signbit(values[entries == 0]).any():  # its text is "-0"
                return None, decimals
            places = entries.astype(np.int32) + (MAX_ENTRY + 1)
            if column.null_count:
                places[column.is_null().to_numpy(zero_copy_only=False)] = 0
            return number_texts(decimals, separator)[places].reshape(-1, 1), decimals
        decimals += 1
    return None, decimals


@lru_cache
def number_texts(decimals: int, separator: str) -> np.ndarray:
    """A table of texts as words: an empty one for a missing number, then -MAX_ENTRY to MAX_ENTRY over 10**decimals."""
    numbers = pa.array(np.arange(-MAX_ENTRY, MAX_ENTRY + 1) / 10.0**decimals)
    texts = pa.concat_arrays([pa.array([""]), numbers.cast(pa.string())])
    return _padded(pc.binary_join_element_wise(texts, separator, ""), WORD).ravel()


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")


def _words(texts: pa.Array, separator: str) -> np.ndarray | None:
    """Texts with a separator, padded with NUL, missing ones empty; shape (n, words). None if one is long or has NUL."""
    texts = pc.binary_join_element_wise(texts.fill_null(""), separator, "")
    width = -(-(pc.max(pc.binary_length(texts)).as_py() or 1) // WORD) * WORD
    if width > MAX_WIDTH or pc.any(pc.match_substring(texts, "\0")).as_py():
        return None
    return _padded(texts, width)


def _padded(texts: pa.Array, width: int) -> np.ndarray:
    padded = pc.ascii_rpad(texts, width, padding="\0")
    return np.frombuffer(padded.buffers()[2], np.uint64, len(texts) * width // WORD).reshape(len(texts), -1)
