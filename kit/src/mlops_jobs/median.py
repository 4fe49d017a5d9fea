"""The exact median of a stream of float32 values, in two passes and half a megabyte.

Radix selection: the bits of a float, turned so that they sort as the numbers do, are counted by their upper half in the
first pass; the second counts the lower half of the few values that share the middle one's upper half.
"""

from __future__ import annotations

import numpy as np

_HALF = 1 << 16


class StreamingMedian:
    """Count all values once, refine with the same values again, then read the median."""

    def __init__(self) -> None:
        self._upper = np.zeros(_HALF, dtype=np.int64)
        self._lower: dict[int, np.ndarray] = {}

    def count(self, values: np.ndarray) -> None:
        """First pass: values as float32 without NaN; shape (n,)."""
        np.add.at(self._upper, _sortable(values) >> 16, 1)

    def refine(self, values: np.ndarray) -> None:
        """Second pass: the same values again, in any batches."""
        keys = _sortable(values)
        upper = keys >> 16
        if not self._lower:
            middles = {self._bin_of(rank)[0] for rank in self._middle_ranks()}
            self._lower = {middle: np.zeros(_HALF, dtype=np.int64) for middle in middles}
        for middle, lower in self._lower.items():
            np.add.at(lower, keys[upper == middle] & (_HALF - 1), 1)

    def result(self) -> float | None:
        """The median; of an even number of values the mean of the middle two; None of none."""
        middle = [self._value_at(rank) for rank in self._middle_ranks()]
        return float(np.mean(middle)) if middle else None

    def _middle_ranks(self) -> tuple[int, ...]:
        total = int(self._upper.sum())
        return ((total - 1) // 2, total // 2) if total else ()

    def _bin_of(self, rank: int) -> tuple[int, int]:
        """The bin that holds the value of this rank, and the rank within the bin."""
        cumulated = np.cumsum(self._upper)
        index = int(np.searchsorted(cumulated, rank, side="right"))
        return index, rank - int(cumulated[index] - self._upper[index])

    def _value_at(self, rank: int) -> float:
        upper, within = self._bin_of(rank)
        lower = int(np.searchsorted(np.cumsum(self._lower[upper]), within, side="right"))
        return _from_sortable((upper << 16) | lower)


def _sortable(values: np.ndarray) -> np.ndarray:
    """The bits of float32 values as integers that sort as the values do."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | 0x80000000).astype(np.uint32)


def _from_sortable(key: int) -> float:
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])
