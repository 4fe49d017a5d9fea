"""Count rows that hold the same cells as an earlier row, in 8 bytes a row, and number them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlops_jobs.row_hashes import mixed

OFTEN = 10  # times that each row comes on average, which neither a join nor oversampling repeats rows
_STEP = np.uint64(0x9E3779B97F4A7C15)  # an odd number


class RepeatedRows:
    """Remember the rows of many files by their 64-bit hashes."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []
        self._files: list[tuple[str, int]] = []  # each file's name, and the number of rows before it
        self._rows = 0
        self._count: int | None = None

    def begin(self, path: Path) -> None:
        """The rows that follow are of this file."""
        self._files.append((path.name, self._rows))

    def add(self, hashes: np.ndarray) -> None:
        """Remember the rows of a batch; shape (n,), uint64."""
        self._hashes.append(hashes)
        self._rows += len(hashes)
        self._count = None

    def count(self) -> int:
        """How many rows hold the same cells as an earlier one."""
        if self._count is None and self._hashes:
            hashes = np.sort(np.concatenate(self._hashes))
            self._count = int(np.count_nonzero(hashes[1:] == hashes[:-1]))
        return self._count or 0

    def are_few_over_and_over(self) -> bool:
        """Whether the different rows are so few that each comes OFTEN, on average."""
        return self._rows > 0 and OFTEN * (self._rows - self.count()) <= self._rows

    def first(self) -> str:
        """The places of the first two rows that hold the same cells: `row 3 of a.csv and row 9 of b.csv`."""
        hashes = np.concatenate(self._hashes)
        order = np.argsort(hashes, kind="stable")
        later = order[1:][hashes[order][1:] == hashes[order][:-1]]
        second = int(later.min())
        first = int(np.flatnonzero(hashes == hashes[second])[0])
        return f"{self._place(first)} and {self._place(second)}"

    def as_dict(self) -> dict[str, object]:
        """The count, and where there is one the first two places, for a report."""
        count = self.count()
        return {"rows": count} | ({"first": self.first()} if count else {})

    def _place(self, index: int) -> str:
        name, start = next(entry for entry in reversed(self._files) if entry[1] <= index)
        return f"row {index - start + 1} of {name}"


class Occurrences:
    """Tell rows of the same cells apart by counting them: which of them comes first makes no difference."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def keys(self, hashes: np.ndarray) -> np.ndarray:
        """A key for each row of a batch: the hash of the first row of these cells, another for each later one.

        Args:
            hashes: the hashes of the rows' cells; shape (n,), uint64.
        """
        values, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        before = np.array([self._seen.get(value, 0) for value in values.tolist()], np.int64)
        self._seen.update(zip(values.tolist(), (before + counts).tolist(), strict=True))
        order = np.argsort(inverse, kind="stable")
        within = np.empty(len(hashes), np.int64)
        within[order] = np.arange(len(hashes)) - np.repeat(np.cumsum(counts) - counts, counts)
        numbers = before[inverse] + within
        later = numbers > 0
        keys = hashes.copy()
        keys[later] = mixed(hashes[later] + numbers[later].astype(np.uint64) * _STEP)
        return keys
