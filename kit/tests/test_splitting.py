"""Rows are dealt to the splits by exact shares, class by class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.errors import UserError
from mlops_jobs.splitting import TEST, TRAIN, VALIDATION, Splitter

strata_lists = st.lists(st.integers(0, 3), max_size=300).map(lambda rows: np.array(rows, dtype=np.int64))


@given(strata=strata_lists, cuts=st.lists(st.integers(0, 300), max_size=5), seed=st.integers(0, 9))
def test_the_split_does_not_depend_on_how_the_rows_are_batched(strata, cuts, seed):
    whole = Splitter(seed, 0.15, 0.15).assign(strata)
    splitter = Splitter(seed, 0.15, 0.15)
    parts = [splitter.assign(batch) for batch in np.split(strata, sorted(cut for cut in cuts if cut <= len(strata)))]
    assert np.concatenate(parts).tolist() == whole.tolist()


@given(blocks=st.lists(st.integers(1, 20), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_each_class_is_split_in_the_shares_that_were_asked_for(blocks, seed):
    strata = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(blocks)), np.array(blocks) * 20))
    splits = Splitter(seed, 0.2, 0.1).assign(strata)
    for index, count in enumerate(blocks):
        assert np.bincount(splits[strata == index], minlength=3).tolist() == [14 * count, 4 * count, 2 * count]


def test_a_class_of_three_rows_is_in_every_split():
    splits = Splitter(1, 0.15, 0.15).assign(np.array([0, 1, 1, 0, 1, 0]))
    for index in (0, 1):
        assert sorted(splits[np.array([0, 1, 1, 0, 1, 0]) == index]) == [TRAIN, VALIDATION, TEST]


def test_another_seed_gives_another_split():
    rows = np.zeros(100, dtype=np.int64)
    assert Splitter(1, 0.15, 0.15).assign(rows).tolist() == Splitter(1, 0.15, 0.15).assign(rows).tolist()
    assert Splitter(1, 0.15, 0.15).assign(rows).tolist() != Splitter(2, 0.15, 0.15).assign(rows).tolist()


@pytest.mark.parametrize(("validation", "test"), [(0, 0.15), (0.15, 0), (0.5, 0.5), (0.33, 0.1), (-0.05, 0.1)])
def test_shares_that_cannot_be_dealt_out_are_refused(validation, test):
    with pytest.raises(UserError, match="twentieths"):
        Splitter(1, validation, test)
