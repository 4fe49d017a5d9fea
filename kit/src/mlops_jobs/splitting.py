"""Split rows into train, validation and test while they stream by.

A row's split follows from a hash of the seed and its key: its id, its group, or all its cells. So it is the same in any
order, in any file, however batched, and no row moves when others are added or removed. The price: the shares hold only
approximately (of n rows, a share s deviates by about the square root of s * (1 - s) / n).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlops_jobs.errors import UserError
from mlops_jobs.row_hashes import mixed

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, 3
NAMES = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
BLOCK = 20
MIN_ROWS = BLOCK  # fewer rows would leave a split almost empty
MIN_ROWS_OF_A_CLASS = 3  # one for each split


@dataclass(frozen=True)
class Splitter:
    """The seed and the shares of a split.

    Attributes:
        seed: the same seed and the same key give the same split.
        validation: the share of the rows to validate on, in twentieths.
        test: the share of the rows to test on, in twentieths.

    Raises:
        UserError: the shares are not twentieths, or leave no row to train on.
    """

    seed: int
    validation: float
    test: float

    def __post_init__(self) -> None:
        counts = [round(share * BLOCK) for share in (self.validation, self.test)]
        fits = all(abs(c - s * BLOCK) < 1e-9 for c, s in zip(counts, (self.validation, self.test), strict=True))
        if not fits or min(counts) < 1 or sum(counts) >= BLOCK:
            raise UserError(
                f"the shares {self.validation} for validation and {self.test} for test must be twentieths above 0 "
                "that leave rows to train on, for example 0.15 and 0.15"
            )

    def positions(self, keys: np.ndarray) -> np.ndarray:
        """Where each key falls between 0 and 2**64, at random by the seed; different keys fall on different places.

        Args:
            keys: the hashes of the rows' keys; shape (n,), uint64.
        """
        seed = mixed(np.array([self.seed % 2**64], np.uint64))
        return mixed(keys ^ seed)

    def at(self, positions: np.ndarray) -> np.ndarray:
        """The split of each position: the lowest test, the next validate, the rest train; shape (n,), int8."""
        test = np.uint64(self.test * 2**64)
        both = np.uint64((self.validation + self.test) * 2**64)
        return (positions < both).astype(np.int8) + (positions < test)


class RowSplits:
    """Assign the rows of a stream to splits, so that every class is in all of them.

    A rare class may be left out of a split by chance. `settle` finds that at the end of the stream and decides on the
    splits of a few keys of that class; then the stream is to be read once more. Keys of other classes do not move.

    Args:
        splitter: seed and shares.
        rows_of_each: how many rows of a class each split should have at least.
        has_test_files: whether the test split is made of files of its own, and the other rows train or validate.
        cuts: the times at which validation and test begin; None to split by the keys.
    """

    def __init__(
        self,
        splitter: Splitter,
        *,
        rows_of_each: int = 1,
        has_test_files: bool = False,
        cuts: tuple[float, float] | None = None,
    ) -> None:
        self._splitter = splitter
        self._rows_of_each = rows_of_each
        self._needed = (VALIDATION, TRAIN) if has_test_files else (TEST, VALIDATION, TRAIN)
        self._cuts = cuts
        self._decided: dict[int, int] = {}  # splits that do not follow from the position alone
        self.reset()

    def reset(self) -> None:
        """Begin again at the first row."""
        self._counts = np.zeros((0, 3), dtype=np.int64)
        self._open: list[tuple[np.ndarray, np.ndarray]] = []  # positions and classes that are not in all splits so far
        self._test_keys = np.zeros(0, np.uint64)

    def assign(
        self, keys: np.ndarray, strata: np.ndarray, times: np.ndarray | None = None, *, is_test_file: bool = False
    ) -> np.ndarray:
        """Give each row of a batch its split.

        Args:
            keys: the hashes of the rows' keys; shape (n,), uint64.
            strata: the class of each row as an index; shape (n,), zeros for a regression.
            times: the time of each row, where the split is by time; shape (n,).
            is_test_file: whether the rows are of a test file; these come before all others.

        Returns:
            TRAIN, VALIDATION or TEST for each row, or LEFT_OUT for a key of a test file in another file; shape (n,),
            int8.
        """
        if is_test_file:
            self._test_keys = np.union1d(self._test_keys, keys)
            return self._count(np.full(len(keys), TEST, dtype=np.int8), strata)
        positions = self._splitter.positions(keys)
        splits = self._by_position(positions) if times is None else self._by_time(times)
        if TEST not in self._needed:
            splits[splits == TEST] = TRAIN
        if self._decided:
            self._apply_decisions(positions, splits)
        if len(self._test_keys):
            splits[np.isin(keys, self._test_keys)] = LEFT_OUT
        self._count(splits, strata)
        is_open = self._is_open()[strata] & (splits != LEFT_OUT)
        if self._cuts is None and is_open.any():
            self._open.append((positions[is_open], strata[is_open]))
        return splits

    def settle(self, order: Iterable[int]) -> bool:
        """Whether the stream has to be read again, since a class was left out of a split that it can be in.

        Args:
            order: the indices of the classes, in an order that does not depend on that of the rows.
        """
        if self._decided or self._cuts is not None or not self._open:
            return False
        positions, strata = (np.concatenate(parts) for parts in zip(*self._open, strict=True))
        is_open = self._is_open()
        for index in order:
            if is_open[index]:
                self._decide(np.unique(positions[strata == index]))
        if self._decided:
            self.reset()
        return bool(self._decided)

    def lacking(self) -> dict[int, list[int]]:
        """The splits that hold no row of a class, by the index of the class; without classes that are in all."""
        found = {index: np.flatnonzero(counts == 0).tolist() for index, counts in enumerate(self._counts)}
        return {index: splits for index, splits in found.items() if splits}

    def _decide(self, positions: np.ndarray) -> None:
        """Of a class's sorted positions the lowest test, the next validate and the highest train."""
        each = min(self._rows_of_each, len(positions) // len(self._needed))
        *first, last = self._needed
        for start, split in enumerate(first):
            for position in positions[start * each : (start + 1) * each].tolist():
                self._decided.setdefault(position, split)
        for position in positions[len(positions) - each :].tolist():
            self._decided.setdefault(position, last)

    def _apply_decisions(self, positions: np.ndarray, splits: np.ndarray) -> None:
        known = np.array(sorted(self._decided), np.uint64)
        values = np.array([self._decided[position] for position in known.tolist()], np.int8)
        at = np.searchsorted(known, positions).clip(0, len(known) - 1)
        found = known[at] == positions
        splits[found] = values[at[found]]

    def _by_position(self, positions: np.ndarray) -> np.ndarray:
        return self._splitter.at(positions)

    def _by_time(self, times: np.ndarray) -> np.ndarray:
        validation, test = self._cuts or (np.inf, np.inf)
        return (times >= validation).astype(np.int8) + (times >= test)

    def _count(self, splits: np.ndarray, strata: np.ndarray) -> np.ndarray:
        kept = splits != LEFT_OUT
        counts = np.bincount(strata[kept] * 3 + splits[kept])
        rows = max(len(self._counts), int(strata.max()) + 1 if len(strata) else 0)
        grown = np.zeros(rows * 3, dtype=np.int64)
        grown[: self._counts.size] = self._counts.ravel()
        grown[: len(counts)] += counts
        self._counts = grown.reshape(rows, 3)
        return splits

    def _is_open(self) -> np.ndarray:
        """Whether a class lacks rows in a split that it needs; shape (classes,)."""
        return (self._counts[:, list(self._needed)] < self._rows_of_each).any(axis=1)
