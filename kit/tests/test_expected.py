"""How many cells of healthy rows are unseen is estimated from the rows outside the training split, and from within."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.expected import Expected, chance, normally_unseen


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
