"""Hash cells and rows to 64 bits: the same on every machine, in every process, however the rows are batched.

Python's own hash() is randomised in each process. Here a text is hashed in words of 8 bytes, a number by its bits, and
a row by the sum of its cells' hashes, so that the order of the columns does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WORD = 8
MAX_PADDED = 64  # bytes; a longer text is hashed by itself, so that one does not widen the words of a whole batch
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)  # of MurmurHash3's finaliser
_SHIFT = np.uint64(33)


def mixed(hashes: np.ndarray) -> np.ndarray:
    """Spread each hash over all 64 bits; different hashes stay different (MurmurHash3's finaliser).

    Args:
        hashes: shape (n,), uint64; changed in place.
    """
    for factor in (_FIRST, _SECOND):
        hashes ^= hashes >> _SHIFT
        hashes *= factor
    hashes ^= hashes >> _SHIFT
    return hashes


def text_hashes(texts: pa.Array) -> np.ndarray:
    """The hash of each text; shape (n,), uint64."""
    if not len(texts):
        return np.zeros(0, np.uint64)
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    long = np.flatnonzero(lengths > MAX_PADDED)
    if len(long):
        hashes = np.empty(len(texts), np.uint64)
        hashes[long] = [_long_hash(text) for text in texts.take(pa.array(long)).to_pylist()]
        short = np.flatnonzero(lengths <= MAX_PADDED)
        hashes[short] = text_hashes(texts.take(pa.array(short)))
        return hashes
    hashes = lengths.astype(np.uint64)
    width = max(1, -(-int(lengths.max()) // WORD)) * WORD
    padded = pc.ascii_rpad(texts, width, padding="\0")
    words = np.frombuffer(padded.buffers()[2], "<u8", len(texts) * width // WORD).reshape(len(texts), -1)
    for index in range(words.shape[1]):
        filled = lengths > index * WORD  # words beyond a text's end do not count: the width is that of the batch
        hashes = np.where(filled, _folded(hashes, words[:, index]), hashes)
    return hashes


def cell_hashes(column: pa.Array) -> np.ndarray:
    """The hash of each cell of a column as CsvStream reads it, texts without the spaces around them; uint64."""
    if pa.types.is_dictionary(column.type):
        return text_hashes(pc.utf8_trim_whitespace(column.dictionary))[column.indices.to_numpy()]
    if pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)  # NaN for missing
        return (values + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    return text_hashes(pc.utf8_trim_whitespace(column))


def row_hashes(batch: pa.RecordBatch, names: Iterable[str]) -> np.ndarray:
    """The hash of each row's cells in the named columns; shape (n,), uint64."""
    total = np.zeros(batch.num_rows, np.uint64)
    for name in names:
        total += mixed(cell_hashes(batch.column(name)) ^ _salt(name))
    return total


def _folded(hashes: np.ndarray, words: np.ndarray) -> np.ndarray:
    folded = (hashes ^ words) * _FIRST
    folded ^= folded >> _SHIFT
    return folded


def _long_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=4096)
def _salt(name: str) -> np.uint64:
    """A number for each column, so that 1 and 2 in two columns are not 2 and 1."""
    return np.uint64(_long_hash(name))
