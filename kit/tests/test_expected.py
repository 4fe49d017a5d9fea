"""How many cells of healthy rows are unseen is estimated from the rows outside the training split, and from within."""

from __future__ import annotations

import json
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.chance import chance
from mlops_jobs.expected import Expected, normally_unseen
from mlops_jobs.fitting import Vocabulary
from mlops_jobs.splitting import TRAIN, VALIDATION


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_the_chance_is_that_of_fishers_exact_test(count: int, rows: int, other_count: int, other_rows: int) -> None:
    count, other_count = min(count, rows), min(other_count, other_rows)
    total = count + other_count
    ways = sum(comb(rows, found) * comb(other_rows, total - found) for found in range(count, min(total, rows) + 1))
    assert chance(count, rows, other_count, other_rows) == pytest.approx(ways / comb(rows + other_rows, total))


def test_both_splits_count_where_they_agree() -> None:
    assert normally_unseen(unseen=1, validation_rows=60, single=5, training_rows=280) == (6, 340)


def test_the_validation_split_counts_alone_where_it_has_more_than_chance_explains() -> None:
    assert normally_unseen(unseen=12, validation_rows=60, single=5, training_rows=280) == (12, 60)


def test_the_counts_survive_json() -> None:
    counts = Expected(rows=9, missing={"a": 1}, unseen={"c": (1, 8)}, non_negative=("a",))
    assert Expected.from_dict(counts.as_dict()) == counts
    assert counts.of("respelled", "c") == (0, 9)


def test_spellings_that_the_labelled_rows_mix_are_normal_and_not_unseen() -> None:
    texts = ["00065", "A7"] * 20 + ["65", "rare"] + ["a7", "new"]  # the last two to validate with
    column, splits = pa.array(texts).dictionary_encode(), np.array([TRAIN] * 42 + [VALIDATION] * 2)
    known = Vocabulary()
    known.count(known.encode(column), splits)
    rows = np.bincount(splits, minlength=3)
    found = known.normally_respelled(rows)
    assert known.normally_unseen(rows) == found
    assert found in {(1, 2), (2, 44)}, "a7 of the validation rows, and 65, which training has once"
    counts = Expected(rows=44, missing={}, unseen={"c": found}, non_negative=(), respelled={"c": found})
    assert Expected.from_dict(json.loads(json.dumps(counts.as_dict()))).of("respelled", "c") == found
