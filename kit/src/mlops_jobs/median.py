"""The exact median of a stream of float32 values, in two passes and half a megabyte.

Radix selection: the bits of a float, turned so that they sort as the numbers do, are counted by their upper half in the
first pass; the second counts the lower half of the few values that share the middle one's upper half.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

_HALF = 1 << 16


class StreamingMedian:
    """Count all values once, refine with the same values again, then read the median."""

    def __init__(self) -> None:
        self._raw = np.zeros(_HALF, dtype=np.int64)  # by the upper half of the bits in memory
        self._lower: dict[int, np.ndarray] = {}

    def count(self, values: np.ndarray) -> None:
        """First pass: values as float32 without NaN; shape (n,)."""
        counts = np.bincount(_bits(values) >> 16)  # as long as the largest value needs, mostly a third of all
        self._raw[: len(counts)] += counts

    def refine(self, values: np.ndarray) -> None:
        """Second pass: the same values again, in any batches."""
        if not self._lower:
            middles = {self._bin_of(rank)[0] for rank in self._middle_ranks()}
            self._lower = {middle: np.zeros(_HALF, dtype=np.int64) for middle in middles}
        bits = _bits(values)
        upper = bits >> 16
        for middle, lower in self._lower.items():
            near = bits[upper == _from_sortable_bits(middle << 16) >> 16]
            np.add.at(lower, _sortable(near) & (_HALF - 1), 1)

    def result(self) -> float | None:
        """The median; of an even number of values the mean of the middle two; None of none."""
        middle = [self._value_at(rank) for rank in self._middle_ranks()]
        return float(np.mean(middle)) if middle else None

    @cached_property
    def _upper(self) -> np.ndarray:
        """The counts by upper half in the order of the numbers, once all are counted: the negative ones upside down."""
        return np.concatenate([self._raw[: _HALF // 2 - 1 : -1], self._raw[: _HALF // 2]])

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


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def _sortable(bits: np.ndarray) -> np.ndarray:
    """The bits of float32 values as integers that sort as the values do."""
    return np.where(bits >> 31, ~bits, bits | 0x80000000).astype(np.uint32)


def _from_sortable_bits(key: int) -> int:
    return key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF


def _from_sortable(key: int) -> float:
    return float(np.array([_from_sortable_bits(key)], dtype=np.uint32).view(np.float32)[0])
