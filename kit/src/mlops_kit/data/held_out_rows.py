"""Choose which rows of an imported file are to be predicted; the others are to train with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlops_jobs.contract import Contract
from mlops_jobs.fitting import Vocabulary
from mlops_jobs.giveaways import SampledRows, giveaways
from mlops_jobs.labelled_rows import LabelledRows
from mlops_jobs.split_rule import ROW
from mlops_jobs.splitting import MIN_ROWS, MIN_ROWS_OF_A_CLASS, TEST, Splitter
from mlops_jobs.typed_columns import typed

INFERENCE_SHARE = 0.2
SEED = 0x696E66657265  # not one of preprocess.py's: by the same seed, all rows of its test split would be gone


@dataclass(frozen=True)
class HeldOutRows:
    """The rows to predict.

    Attributes:
        to_predict: whether each row of the file is to be predicted; shape (n,).
        repeated: how many rows hold the same cells as an earlier one, and where the first are; empty for none.
        giveaways: the columns that alone give the target away, each with the reason and the remedy.
        has_id: whether the rows have ids.
        has_ignored: whether the rows have ignored columns, which may differ where all other cells repeat.
    """

    to_predict: np.ndarray
    repeated: Mapping[str, object]
    giveaways: Mapping[str, str]
    has_id: bool
    has_ignored: bool

    def notes(self) -> list[str]:
        """What the user should know of the rows, a sentence each."""
        found = [f"column {name!r} gives the target away: {reason}" for name, reason in self.giveaways.items()]
        if self.repeated.get("rows"):
            used = " in the columns that are used" if self.has_ignored else ""
            same = f"the same cells{used}{' but for the id' if self.has_id else ''}"
            usual = "each by its id" if self.has_id else "together with the row they repeat"
            how = self.repeated.get("split", usual)
            found.append(
                f"{self.repeated['rows']} rows hold {same} as an earlier one (first: {self.repeated['first']}); "
                f"they are split {how}"
            )
        return found


def held_out_rows(path: Path, contract: Contract) -> HeldOutRows:
    """Choose the rows to predict by the contract's split: by id, group or time, else by the cells of the row.

    Args:
        path: a file of labelled rows that keeps the contract.
        contract: what the rows are.

    Raises:
        DataError: the file does not keep the contract, or its rows cannot be split by it.
    """
    one_file = replace(contract, split=replace(contract.split, test_files=None))
    labelled = LabelledRows([path], one_file, Splitter(SEED, validation=0.05, test=INFERENCE_SHARE), str(path))
    while True:
        classes, sample, parts, labels, keys = Vocabulary(), SampledRows(), [], [], []
        for batch in labelled:
            target = batch.rows.column(contract.target)
            strata = classes.encode(target) if contract.is_classification else np.zeros(len(target), np.int32)
            labels.append(strata)
            keys.append(batch.keys)
            parts.append(labelled.splits.assign(batch.keys, strata, batch.times) == TEST)
            sample.add(batch.content, typed(batch.rows, contract))
        codes = classes.code_of if contract.is_classification else {"": 0}
        if not labelled.settle(codes[name] for name in sorted(codes)):
            to_predict = np.concatenate(parts)
            if contract.split.by == ROW:
                _keep_rare_classes(to_predict, np.concatenate(labels))
                _keep_enough_rows(to_predict, np.concatenate(keys))
            found = giveaways(sample.table(), contract)
            has_ignored = any(column.role == "ignored" for column in contract.columns)
            return HeldOutRows(to_predict, labelled.repeated_rows(), found, contract.id is not None, has_ignored)


def _keep_rare_classes(to_predict: np.ndarray, strata: np.ndarray) -> None:
    """Train with all rows of a class of which too few would be left."""
    left = np.bincount(strata[~to_predict], minlength=strata.max() + 1)
    to_predict[(left < MIN_ROWS_OF_A_CLASS)[strata]] = False


def _keep_enough_rows(to_predict: np.ndarray, keys: np.ndarray) -> None:
    """Train with some rows more of a small file of which too few would be left, and predict one row at least."""
    lacking = MIN_ROWS - np.count_nonzero(~to_predict)
    held_out = np.sort(keys[to_predict])
    if lacking > 0 and len(held_out) > 1:
        last = held_out[min(lacking, len(held_out) - 1) - 1]
        to_train = keys <= last if last < held_out[-1] else keys < last  # rows of one key stay together
        to_predict[to_train] = False
