"""Split rows into train, validation and test while they stream by: seeded, stratified, the same however batched.

Each class (a regression has one) is dealt out in blocks of 20 rows in random order, as a clinical trial randomises
patients (permuted blocks), so that the shares hold in every stretch of the data and no class is left out of a split.
"""

from __future__ import annotations

import numpy as np

from mlops_jobs.errors import UserError

TRAIN, VALIDATION, TEST = 0, 1, 2
BLOCK = 20
MIN_ROWS = BLOCK  # fewer rows would leave a split almost empty
MIN_ROWS_OF_A_CLASS = 3  # one for each split


class Splitter:
    """Assign rows to splits.

    Args:
        seed: the same seed and the same rows give the same splits.
        validation: the share of the rows to validate on, in twentieths.
        test: the share of the rows to test on, in twentieths.

    Raises:
        UserError: the shares are not twentieths, or leave no row to train on.
    """

    def __init__(self, seed: int, validation: float, test: float) -> None:
        counts = [round(share * BLOCK) for share in (validation, test)]
        fits = all(abs(c - share * BLOCK) < 1e-9 for c, share in zip(counts, (validation, test), strict=True))
        if not fits or min(counts) < 1 or sum(counts) >= BLOCK:
            raise UserError(
                f"the shares {validation} for validation and {test} for test must be twentieths above 0 "
                "that leave rows to train on, for example 0.15 and 0.15"
            )
        self._seed = seed
        self._block = np.repeat([TRAIN, VALIDATION, TEST], [BLOCK - sum(counts), *counts]).astype(np.int8)
        self._strata: dict[int, _Stratum] = {}

    def assign(self, strata: np.ndarray) -> np.ndarray:
        """Give each row of a batch its split.

        Args:
            strata: the class of each row as an index; shape (n,), zeros for a regression.

        Returns:
            TRAIN, VALIDATION or TEST for each row; shape (n,), int8.
        """
        splits = np.empty(len(strata), dtype=np.int8)
        counts = np.bincount(strata)
        for index in np.flatnonzero(counts).tolist():
            if index not in self._strata:
                self._strata[index] = _Stratum(self._block, [self._seed, index])
            splits[strata == index] = self._strata[index].deal(int(counts[index]))
        return splits


class _Stratum:
    """The endless deal of one class."""

    def __init__(self, block: np.ndarray, seed: list[int]) -> None:
        self._block = block
        self._random = np.random.default_rng(seed)
        # the first three rows go one to each split, so that a class of three rows is in all of them
        first, rest = [TRAIN, VALIDATION, TEST], list(block)
        for split in first:
            rest.remove(split)
        self._dealt = np.concatenate([first, self._random.permutation(rest)]).astype(np.int8)

    def deal(self, count: int) -> np.ndarray:
        """Give the splits of the next `count` rows."""
        lacking = -(-max(0, count - len(self._dealt)) // BLOCK)
        if lacking:
            blocks = self._random.permuted(np.tile(self._block, (lacking, 1)), axis=1)
            self._dealt = np.concatenate([self._dealt, blocks.ravel()])
        dealt, self._dealt = self._dealt[:count], self._dealt[count:]
        return dealt
