"""Class weights: what a contract may hold, and what each row then counts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from mlops_jobs.errors import ContractError, DataError
from mlops_jobs.feature_files import weight_of_each_class
from mlops_jobs.training_settings import check_weighted_classes, class_weights_as_written, parse_class_weights

CLASSES = ("a", "b", "c")
WEIGHTS = st.dictionaries(st.sampled_from(CLASSES), st.floats(1e-3, 1e3) | st.integers(1, 9), min_size=1)


@given(targets=st.lists(st.integers(0, 2), max_size=50), cut=st.integers(0, 50))
def test_balanced_weights_are_scikit_learns_however_the_rows_are_batched(targets: list[int], cut: int) -> None:
    rows = np.array([*targets, 0, 1, 2], dtype=np.float32)
    weights = weight_of_each_class("balanced", CLASSES, np.split(rows, [min(cut, len(rows))]))
    assert weights == pytest.approx(compute_class_weight("balanced", classes=np.arange(3), y=rows))
    totals = np.bincount(rows.astype(int)) * weights
    assert totals == pytest.approx(np.full(3, len(rows) / 3))


@given(written=WEIGHTS)
def test_a_class_counts_what_the_contract_has_for_it_and_otherwise_one(written: dict[str, float]) -> None:
    weights = parse_class_weights(written)
    assert class_weights_as_written(weights) == written
    found = weight_of_each_class(weights, CLASSES, [])
    assert found == pytest.approx([written.get(name, 1) for name in CLASSES])


@pytest.mark.parametrize("raw", ["equal", {}, [1], {"a": 0}, {"a": -1}, {"a": True}, {"a": "2"}, {"a": float("inf")}])
def test_other_weights_are_refused(raw: Any) -> None:
    with pytest.raises(ContractError, match=r"class_weights.* it must be "):
        parse_class_weights(raw)


def test_a_class_that_no_row_holds_is_named_with_those_that_are_held() -> None:
    check_weighted_classes((("a", 2.0),), CLASSES, "data")
    check_weighted_classes("balanced", CLASSES, "data")
    with pytest.raises(DataError, match=r"data: .* has the class 'd', which no row holds; the classes are a, b, c; "):
        check_weighted_classes((("d", 2.0),), CLASSES, "data")
