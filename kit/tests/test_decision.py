"""The decision threshold is the one that trying every threshold finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_jobs.decision import MAX_CUTS_OF_OWN, Decision, choose_decision
from mlops_jobs.errors import UserError
from mlops_jobs.judging_rules import Aim
from mlops_jobs.metric_names import OF_A_DECISION, Metric
from mlops_jobs.own_metrics import OwnMetric
from mlops_jobs.scores import Scores

MEASURES = {
    "accuracy": sk.accuracy_score,
    "f1": lambda actual, predicted: sk.f1_score(actual, predicted, zero_division=0.0),
    "recall": lambda actual, predicted: sk.recall_score(actual, predicted, zero_division=0.0),
    "precision": lambda actual, predicted: sk.precision_score(actual, predicted, zero_division=0.0),
}
# few different probabilities, so that many rows share one; with neighbours in float32 and the ends
chances = st.sampled_from([0.0, 0.1, 0.3, float(np.nextafter(np.float32(0.3), np.float32(1))), 0.5, 0.7, 1.0])
rows = st.lists(st.tuples(st.booleans(), chances), min_size=1, max_size=25)


def arrays(labelled: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    positive = np.array([chance for _, chance in labelled], np.float32)
    return np.array([int(label) for label, _ in labelled]), np.column_stack([1 - positive, positive])


def scored(probabilities: np.ndarray) -> Scores:
    return Scores(probabilities.argmax(axis=1), probabilities)


def decided(probabilities: np.ndarray, decision: Decision) -> np.ndarray:
    return scored(probabilities).decided(decision.threshold).predicted


def every_threshold(probabilities: np.ndarray) -> list[np.ndarray]:
    """The predictions of all thresholds from 0 to 1 that differ."""
    positive = probabilities[:, 1].astype(float)
    above = [] if positive.max() == 1 else [1.0]
    return [(positive >= threshold).astype(int) for threshold in [*positive, *above]]


def cost(actual: np.ndarray, scores: Scores) -> float:
    missed, alarms = (actual > scores.predicted).sum(), (actual < scores.predicted).sum()
    return float(500 * missed + 20 * alarms) / len(actual)


COST = {"cost": OwnMetric(Metric("cost", lower_is_better=True, is_own=True), cost)}


@given(labelled=rows, name=st.sampled_from(OF_A_DECISION))
def test_no_threshold_is_better_for_the_aim(labelled: list[tuple[bool, float]], name: str) -> None:
    actual, probabilities = arrays(labelled)
    found = choose_decision(Aim(name), actual, scored(probabilities), {}, "rows")
    best = max(MEASURES[name](actual, predicted) for predicted in every_threshold(probabilities))
    assert found.reaches[name] == pytest.approx(best)
    assert MEASURES[name](actual, decided(probabilities, found)) == pytest.approx(best)


@given(labelled=rows, limit=st.sampled_from([0.2, 0.5, 0.9, 1.0]))
def test_no_threshold_is_better_among_those_that_reach_what_is_demanded(
    labelled: list[tuple[bool, float]], limit: float
) -> None:
    actual, probabilities = arrays(labelled)
    aim = Aim("recall", (("precision", limit),))
    allowed = [
        MEASURES["recall"](actual, predicted)
        for predicted in every_threshold(probabilities)
        if MEASURES["precision"](actual, predicted) >= limit
    ]
    if not allowed:
        with pytest.raises(UserError, match=f"rows: no decision threshold reaches precision {limit:g}: the best is "):
            choose_decision(aim, actual, scored(probabilities), {}, "rows")
        return
    found = choose_decision(aim, actual, scored(probabilities), {}, "rows")
    predicted = decided(probabilities, found)
    assert MEASURES["precision"](actual, predicted) >= limit
    assert MEASURES["recall"](actual, predicted) == found.reaches["recall"] == max(allowed)


@given(labelled=rows)
def test_no_threshold_costs_less_by_a_metric_of_the_teams_own(labelled: list[tuple[bool, float]]) -> None:
    actual, probabilities = arrays(labelled)
    found = choose_decision(Aim("cost"), actual, scored(probabilities), COST, "rows")
    costs = [cost(actual, Scores(predicted)) for predicted in every_threshold(probabilities)]
    assert cost(actual, Scores(decided(probabilities, found))) == found.reaches["cost"] == min(costs)


def test_an_own_metric_is_called_for_a_few_hundred_thresholds_of_many_rows() -> None:
    random, calls = np.random.default_rng(1), []
    positive = random.random(100_000).astype(np.float32)
    actual = (random.random(len(positive)) < positive).astype(int)

    def counted(actual: np.ndarray, scores: Scores) -> float:
        calls.append(1)
        return cost(actual, scores)

    own = {"cost": replace(COST["cost"], function=counted)}
    found = choose_decision(Aim("cost"), actual, scored(np.column_stack([1 - positive, positive])), own, "rows")
    assert len(calls) <= MAX_CUTS_OF_OWN
    assert found.threshold == pytest.approx(20 / 520, abs=0.01), "where both errors cost the same on average"


def test_of_equally_good_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    actual, positive = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert (
        choose_decision(Aim("f1"), actual, scored(np.column_stack([1 - positive, positive])), {}, "rows").threshold
        == 0.5
    )


def test_demands_that_exclude_one_another_are_named_together() -> None:
    actual, positive = np.array([1, 0, 1]), np.array([0.9, 0.8, 0.1])
    aim = Aim("accuracy", (("recall", 1.0), ("precision", 1.0)))
    with pytest.raises(UserError, match="no decision threshold reaches recall 1 and precision 1 together; lower one"):
        choose_decision(aim, actual, scored(np.column_stack([1 - positive, positive])), {}, "rows")


@given(labelled=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=25))
def test_probabilities_that_are_neighbours_among_the_numbers_are_told_apart(labelled: list[tuple[bool, int]]) -> None:
    actual = np.array([int(label) for label, _ in labelled])
    positive = 0.3 + np.spacing(0.3) * np.array([steps for _, steps in labelled])
    probabilities = np.column_stack([1 - positive, positive])
    found = choose_decision(Aim("accuracy"), actual, scored(probabilities), {}, "rows")
    assert sk.accuracy_score(actual, decided(probabilities, found)) == pytest.approx(found.reaches["accuracy"])


@pytest.mark.parametrize("aim", [Aim("gain"), Aim("gain", (("recall", 0.1),)), Aim("f1", (("gain", 0.1),))])
def test_a_metric_that_no_threshold_defines_is_named(aim: Aim) -> None:
    gain = OwnMetric(Metric("gain", lower_is_better=False, is_own=True), lambda *_: float("nan"))
    actual, positive = np.array([1, 0]), np.array([0.9, 0.8])
    with pytest.raises(UserError, match="gain is not defined at any decision threshold; correct the function"):
        choose_decision(aim, actual, scored(np.column_stack([1 - positive, positive])), {"gain": gain}, "rows")


@given(labelled=rows)
def test_a_decision_that_is_stored_decides_the_same(labelled: list[tuple[bool, float]]) -> None:
    actual, probabilities = arrays(labelled)
    found = choose_decision(Aim("f1"), actual, scored(probabilities), {}, "rows")
    assert Decision.from_json(found.to_json()) == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"threshold": 0.5}', "NaN"])
def test_a_file_without_a_decision_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"decision\.json does not hold a decision threshold"):
        Decision.from_json(text)


def test_a_threshold_that_is_no_probability_is_refused() -> None:
    stored = Decision(1.5, "f1", {}, {}, 1).to_json()
    with pytest.raises(UserError, match=r"the threshold 1\.5 is no probability"):
        Decision.from_json(stored)
