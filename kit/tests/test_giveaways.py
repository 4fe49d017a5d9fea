"""A column that alone gives the target away is named; a good feature is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mlops_jobs import giveaways as module
from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.giveaways import SampledRows, giveaways

ROWS = 400
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=ROWS)
CLASSES = np.where(X > 1.2, "late", "paid")
AMOUNT = X * 3 + RANDOM.normal(size=ROWS)
MISSING = np.where(X > 1.2, X, np.nan)


def contract_of(role: str, problem_type: str) -> Contract:
    metric = "rmse" if problem_type == "regression" else "accuracy"
    return parse_contract(
        f"""
        {{dataset: a, problem_type: {problem_type}, csv: {{header: true, delimiter: ",", missing: [""]}},
        metric: {metric}, threshold: 0.9, columns: [{{name: c, role: {role}}}, {{name: y, role: target}}]}}"""
    )


def found_in(column: np.ndarray, target: np.ndarray) -> str:
    """The reason that the column gives the target away; empty if it does not."""
    is_text, is_class = column.dtype.kind == "U", target.dtype.kind == "U"
    contract = contract_of("categorical" if is_text else "numeric", "multiclass" if is_class else "regression")
    arrays = {
        "c": pa.array(column).dictionary_encode() if is_text else pa.array(column, from_pandas=True),
        "y": pa.array(target).dictionary_encode() if is_class else pa.array(target),
    }
    return giveaways(pa.table(arrays), contract).get("c", "")


@pytest.mark.parametrize(
    ("column", "target", "reason"),
    [
        (np.where(CLASSES == "late", "red", "green"), CLASSES, "each of its categories goes with one value"),
        (
            np.where(X > 1.2, "red", np.where(X > 0, "green", "blue")),
            CLASSES,
            "each of its categories goes with one value",
        ),
        (X, CLASSES, "its numbers separate the classes"),
        (MISSING, CLASSES, r"its numbers separate the classes of the target \(as does a missing one\)"),
        (AMOUNT, AMOUNT, "it equals the target"),
        (AMOUNT.round(2) * 1.19 + 5, AMOUNT, "the target is a linear function of it"),
        (np.where(X > 0, "big", "small"), np.where(X > 0, 20.0, 10.0), "each of its categories goes with one value"),
    ],
)
def test_a_column_that_gives_the_target_away_is_named_with_the_remedy(
    column: np.ndarray, target: np.ndarray, reason: str
) -> None:
    found = found_in(column, target)
    assert found.startswith(reason.replace("\\", ""))
    assert found.endswith("give it the role ignored in the contract unless it is known before the target is")


@pytest.mark.parametrize(
    ("column", "target"),
    [
        (X + RANDOM.normal(0, 0.1, ROWS), CLASSES),
        (X, AMOUNT),
        (np.array([f"name {row}" for row in range(ROWS)]), CLASSES),
        (np.where(X > 0, "red", "green"), CLASSES),
        (np.full(ROWS, 2.0), AMOUNT),
        (X, np.array([f"day {row}" for row in range(ROWS)])),
        (np.where(RANDOM.random(ROWS) < 0.5, np.nan, X), CLASSES),
        (np.concatenate([AMOUNT[:-1], [1e9]]) + RANDOM.normal(size=ROWS), np.concatenate([AMOUNT[:-1], [1e9]])),
    ],
)
def test_a_good_feature_is_not(column: np.ndarray, target: np.ndarray) -> None:
    assert not found_in(column, target)


def test_few_rows_and_one_class_give_nothing_away() -> None:
    assert not found_in(X[:30], CLASSES[:30])
    assert not found_in(X, np.full(ROWS, "paid"))


def test_the_sample_does_not_depend_on_the_order_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_ROWS", 50)
    hashes = RANDOM.integers(0, 2**63, 1000).astype(np.uint64)
    samples = []
    for order in (np.arange(1000), RANDOM.permutation(1000)):
        sample = SampledRows()
        for part in np.array_split(order, 20):
            sample.add(hashes[part], pa.record_batch({"row": pa.array(part)}))
        samples.append(sample.table()["row"].to_pylist())
    lowest = set(np.argsort(hashes)[:50].tolist())
    for rows in samples:
        assert lowest <= set(rows)
        assert len(rows) <= 151
