"""A row's split follows from a hash of its key: whatever its place, its batch, and the rows around it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlops_jobs.errors import DataError, UserError
from mlops_jobs.row_hashes import row_hashes, text_hashes
from mlops_jobs.split_rule import SplitRule
from mlops_jobs.split_times import TimeColumn, cut_points
from mlops_jobs.splitting import LEFT_OUT, TEST, TRAIN, VALIDATION, RowSplits, Splitter

Row = tuple[str, int]  # a key and a class
ALL = {TRAIN, VALIDATION, TEST}
rows_of_classes = st.dictionaries(st.text(max_size=12), st.integers(0, 3), min_size=1, max_size=200).map(
    lambda rows: list(rows.items())
)


def splitter(seed: int = 1) -> Splitter:
    return Splitter(seed, 0.15, 0.15)


def split(rows: Sequence[Row], cuts: Sequence[int] = (), seed: int = 1) -> dict[str, int]:
    """The split of each key, after a second pass where a class needs it; `cuts` are where batches begin."""
    splits, order = RowSplits(splitter(seed)), sorted({index for _, index in rows})
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(rows)), len(rows)]
    while True:
        found: dict[str, int] = {}
        for start, end in pairwise(bounds):
            keys, strata = zip(*rows[start:end], strict=True) if end > start else ((), ())
            assigned = splits.assign(text_hashes(pa.array(keys, pa.string())), np.array(strata, np.int64))
            found |= zip(keys, assigned.tolist(), strict=True)
        if not splits.settle(order):
            return found


@given(rows=rows_of_classes, cuts=st.lists(st.integers(0, 200), max_size=5), seed=st.integers(0, 9))
def test_the_split_does_not_depend_on_how_the_rows_are_batched(rows: list[Row], cuts: list[int], seed: int) -> None:
    assert split(rows, cuts, seed) == split(rows, seed=seed)


@given(rows=rows_of_classes, data=st.data())
def test_the_split_does_not_depend_on_the_order_of_the_rows(rows: list[Row], data: st.DataObject) -> None:
    assert split(data.draw(st.permutations(rows))) == split(rows)


@given(rows=rows_of_classes, data=st.data())
def test_no_row_moves_when_rows_of_other_classes_come_or_go(rows: list[Row], data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.integers(0, 3), min_size=1))
    some = [(key, index) for key, index in rows if index in kept]
    before = split(rows)
    assert split(some) == {key: before[key] for key, _ in some}


@given(count=st.integers(300, 400), gone=st.integers(0, 399))
def test_no_row_moves_when_a_row_of_a_class_that_is_not_rare_goes(count: int, gone: int) -> None:
    rows = [(f"row {number}", 0) for number in range(count)]
    before = split(rows)
    some = [row for number, row in enumerate(rows) if number != gone]
    assert split(some) == {key: before[key] for key, _ in some}


@given(rows=rows_of_classes, seed=st.integers(0, 9))
def test_a_class_of_three_rows_is_in_every_split(rows: list[Row], seed: int) -> None:
    found = split(rows, seed=seed)
    for index in {index for _, index in rows}:
        splits = [found[key] for key, other in rows if other == index]
        assert len(splits) < 3 or set(splits) == ALL


def test_the_shares_hold_approximately() -> None:
    found = list(split([(f"id-{number}", number % 2) for number in range(20_000)]).values())
    for name, share in ((TRAIN, 0.7), (VALIDATION, 0.15), (TEST, 0.15)):
        assert found.count(name) / 20_000 == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


def test_another_seed_gives_another_split() -> None:
    rows = [(f"row {number}", 0) for number in range(100)]
    assert split(rows, seed=1) != split(rows, seed=2)


def test_rows_of_one_key_are_in_one_split() -> None:
    splits = RowSplits(splitter())
    keys = text_hashes(pa.array(["a", "b", "a"] * 50))
    found = splits.assign(keys, np.zeros(150, np.int64)).reshape(-1, 3)
    assert (found == found[0]).all()
    assert found[0, 0] == found[0, 2]


def test_the_rows_of_test_files_test_and_their_keys_are_left_out_elsewhere() -> None:
    splits = RowSplits(splitter(), has_test_files=True)
    held, others = (
        text_hashes(pa.array([f"row {number}" for number in numbers])) for numbers in (range(9), range(200))
    )
    assert set(splits.assign(held, np.zeros(9, np.int64), is_test_file=True).tolist()) == {TEST}
    found = splits.assign(others, np.zeros(200, np.int64))
    assert (found[:9] == LEFT_OUT).all()
    assert set(found[9:].tolist()) == {TRAIN, VALIDATION}


@pytest.mark.parametrize(("validation", "test"), [(0, 0.15), (0.15, 0), (0.5, 0.5), (0.33, 0.1), (-0.05, 0.1)])
def test_shares_that_cannot_be_dealt_out_are_refused(validation: float, test: float) -> None:
    with pytest.raises(UserError, match="twentieths"):
        Splitter(1, validation, test)


# Hashes


@given(texts=st.lists(st.text(max_size=100), min_size=1, max_size=20))
def test_the_hash_of_a_text_does_not_depend_on_the_texts_around_it(texts: list[str]) -> None:
    together = text_hashes(pa.array(texts))
    alone = [text_hashes(pa.array([text]))[0] for text in texts]
    assert together.tolist() == [int(value) for value in alone]
    assert len(set(together.tolist())) == len(set(texts))


def test_another_process_gives_the_same_hashes() -> None:
    code = (
        "import pyarrow as pa; from mlops_jobs.row_hashes import text_hashes;"
        "print(text_hashes(pa.array(['a', 'é' * 90])).tolist())"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == str(text_hashes(pa.array(["a", "é" * 90])).tolist())
    assert text_hashes(pa.array(["a"])).tolist() == [HASH_OF_A], "a new hash would move the rows of every project"


HASH_OF_A = 13736525292292551836


def batch_of(numbers: list[float | None], texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(numbers, pa.float64()), "t": pa.array(texts).dictionary_encode()})


def test_rows_of_the_same_cells_have_one_hash_and_others_have_not() -> None:
    batch = batch_of([0.0, -0.0, None, None, 1.0, 1.0], ["a", " a", "a", "a", "", "b"])
    zero, minus_zero, missing, missing_too, *others = row_hashes(batch, ["n", "t"]).tolist()
    assert zero == minus_zero
    assert missing == missing_too
    assert len({zero, missing, *others}) == 4
    assert row_hashes(batch, ["t", "n"]).tolist() == row_hashes(batch, ["n", "t"]).tolist()


def test_cells_in_each_others_columns_are_another_row() -> None:
    batch = pa.record_batch({"a": pa.array([1.0, 2.0]), "b": pa.array([2.0, 1.0])})
    first, second = row_hashes(batch, ["a", "b"]).tolist()
    assert first != second


# Times

BY_TIME = SplitRule(by="time", column="day")


@given(times=st.lists(st.integers(0, 50), min_size=3, max_size=200))
def test_the_newest_rows_test_the_next_validate_and_rows_of_one_time_are_together(times: list[int]) -> None:
    values = np.array(times, np.float64)
    if len(set(times)) < 3:
        with pytest.raises(DataError, match="different times and the split by time needs 3"):
            cut_points([values], splitter(), BY_TIME, "rows.csv")
        return
    assume(np.unique(values, return_counts=True)[1].max() <= len(values) / 4)  # else see the next test
    cuts = cut_points(np.array_split(values, 3), splitter(), BY_TIME, "rows.csv")
    found = RowSplits(splitter(), cuts=cuts).assign(np.zeros(len(times), np.uint64), np.zeros(len(times), int), values)
    assert set(found.tolist()) == ALL
    assert values[found == TRAIN].max() < values[found == VALIDATION].min()
    assert values[found == VALIDATION].max() < values[found == TEST].min()


def test_so_many_rows_of_the_newest_times_that_few_are_left_to_train_with_are_refused() -> None:
    times = np.array([1.0] * 2 + [2.0] * 2 + [3.0] * 196)
    with pytest.raises(DataError, match="that 1% of the rows are left to train with, instead of 70%"):
        cut_points([times], splitter(), BY_TIME, "rows.csv")


def test_where_times_differ_the_shares_are_the_nearest() -> None:
    cuts = cut_points([np.arange(100.0)], splitter(), BY_TIME, "rows.csv")
    assert cuts == (70.0, 85.0)


@pytest.mark.parametrize(
    "texts",
    [
        ["2", "10", "9.5"],
        ["2024-01-31", "2024-12-01", "2024-02-01 12:00"],
        ["2024-01-31T10:00:00Z", "2024-01-31T13:00:00+01:00", "2024-01-31 11:00:00Z"],
        ["2024-01-31 10:00:00.000000000", "2024-01-31 12:00:00.123456789", "2024-01-31 11:00:00.1234567"],
        ["2024-01-31T10:00:00.000000000Z", "2024-01-31 13:00:00.1234567+01:00", "2024-01-31T11:00:00Z"],
    ],
)
def test_times_are_numbers_or_dates_in_one_form(texts: list[str]) -> None:
    first, newest, middle = TimeColumn(BY_TIME).read(pa.array(texts), "rows.csv", 0).tolist()
    assert first < middle < newest


@pytest.mark.parametrize("bad", ["31.1.2024", "", "yesterday", "2024-01-31T10:00:00Z", "20240131"])
def test_a_time_in_another_form_is_refused_with_its_row(bad: str) -> None:
    column = TimeColumn(BY_TIME)
    column.read(pa.array(["2024-01-30"]), "rows.csv", 0)
    with pytest.raises(DataError, match=r"rows\.csv: row 7, column 'day': .* the same in every row"):
        column.read(pa.array(["2024-01-31", bad]), "rows.csv", 5)
