"""The team's own metrics and the gates: what a contract may say, how they are judged, and what `mlops check` finds."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from example import Example
from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.errors import ContractError, UserError
from mlops_jobs.gates import MAX_GROUPS, MAX_METADATA, Judged, group_names, judge_gates
from mlops_jobs.guessing import gain_over_guessing, reached_by_constants
from mlops_jobs.judging_rules import Gate
from mlops_jobs.metric_names import METRICS_FOR, Metric, objective_name
from mlops_jobs.own_metrics import load_own_metrics
from mlops_jobs.scores import Scores
from mlops_kit.checks.builtin_image import OBJECTIVES
from mlops_kit.checks.own_metrics import check_own_metrics

CONTRACT = """
dataset: loans
problem_type: binary
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: income, role: numeric}
  - {name: sex, role: categorical}
  - {name: region, role: input}
  - {name: note, role: ignored}
  - {name: defaults, role: target}
own_metrics: {cost: lower, benefit: higher}
metric: cost
threshold: -5
gates:
  - {metric: recall, threshold: 0.6}
  - {metric: accuracy, by: sex, max_gap: 0.05, min_rows: 3}
  - {metric: benefit, by: region, max_gap: 0.1}
decision: {aim: recall, at_least: {precision: 0.9}}
"""
COST = "def cost(actual, scores):\n    return float((actual != scores.predicted).mean())\n"
MISSED = "def cost(actual, scores):\n    return float((actual > scores.predicted).mean())\n"
UNDEFINED = COST.replace("    return", "    if len(set(scores.predicted)) == 1:\n        return math.nan\n    return")
BENEFIT = "def benefit(actual, scores):\n    return float((actual == scores.predicted).mean())\n"


def changed(old: str, new: str) -> str:
    """The contract with another line."""
    assert old in CONTRACT
    return CONTRACT.replace(old, new)


def test_a_contract_with_gates_own_metrics_and_a_decision_survives_its_text() -> None:
    contract = parse_contract(CONTRACT)
    assert parse_contract(contract.to_yaml()) == contract
    assert contract.main_metric == Metric("cost", lower_is_better=True, is_own=True)
    assert contract.gates[0] == Gate("recall", threshold=0.6)
    assert hash(contract), "a contract can be a key"


def test_a_contract_without_them_is_written_without_their_keys() -> None:
    plain = CONTRACT.split("own_metrics")[0] + "metric: f1\nthreshold: 0.5\n"
    assert set(parse_contract(plain).as_dict()) & {"own_metrics", "gates", "decision"} == set()


@pytest.mark.parametrize("value", [-1e9, -5.0, 0.0, 1.5, 6000.0])
def test_any_finite_number_may_be_the_threshold_of_an_own_metric(value: float) -> None:
    contract = parse_contract(changed("threshold: -5", f"threshold: {value!r}"))
    assert contract.threshold_or(value) == value
    with pytest.raises(UserError, match="the threshold nan is out of range for cost: any finite number"):
        contract.threshold_or(math.nan)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cost: lower", "cost: smaller", "own_metrics.cost is 'smaller'; it must be lower or higher"),
        ("{cost: lower, benefit: higher}", "[cost]", r"own_metrics is \['cost'\]; it must be a mapping such as"),
        ("cost: lower", "cost per row: lower", "'cost per row'; a name must be that of a function in jobs/metrics.py"),
        ("cost: lower", "cost: lower, f1: higher", "own_metrics has 'f1', which is a metric that needs no function"),
        ("metric: cost", "metric: price", "metric 'price' is unknown; choose one of .*roc_auc.*cost, benefit"),
        ("metric: cost", "metric: recall", "metric 'recall' can be reached by a constant prediction; make it a gate"),
        ("recall, threshold: 0.6", "rmse, threshold: 0.6", r"gates\[0\].metric 'rmse' does not fit binary"),
        ("recall, threshold: 0.6", "recall, threshold: 2", r"gates\[0\].threshold 2.0 is out of range for recall"),
        ("recall, threshold: 0.6", "recall", r"gates\[0\] must have a threshold, or with `by` the largest gap"),
        ("recall, threshold: 0.6", "recall, limit: 1", r"gates\[0\] has the key 'limit', which nothing reads"),
        ("max_gap: 0.05", "threshold: 0.05", r"gates\[1\] has `by`; then it must have max_gap and no threshold"),
        ("max_gap: 0.05", "max_gap: 0", r"gates\[1\].max_gap is 0.0; it must be above 0"),
        ("min_rows: 3", "min_rows: 0.5", r"gates\[1\].min_rows is 0.5; it must be a whole number"),
        ("recall, threshold: 0.6", "recall, threshold: 0.6, min_rows: 9", r"gates\[0\] has min_rows without `by`"),
        ("by: sex", "by: yes", r"gates\[1\].by is True to YAML; put it in quotes"),
        ("by: sex", "by: income", r"gates\[1\].by: 'income' has the role numeric; choose a column with the role"),
        (
            "by: sex",
            "by: age",
            r"gates\[1\].by: 'age' is not a column; choose .* role categorical, boolean or input",
        ),
        ("aim: recall", "aim: roc_auc", "decision.aim 'roc_auc' does not depend on the threshold; choose one of"),
        ("aim: recall", "aim: csot", "decision.aim 'csot' is unknown; choose one of accuracy, .*, cost, benefit"),
        (
            "precision: 0.9",
            "presicion: 1",
            "decision.at_least 'presicion' is unknown; choose one of accuracy, .*, cost",
        ),
        (
            "recall, threshold: 0.6",
            "recal, threshold: 1",
            r"gates\[0\].metric 'recal' is unknown; choose .*, cost, ben",
        ),
        ("metric: cost", "metric: rmse", "metric 'rmse' does not fit binary; choose one of"),
        ("precision: 0.9", "precision: 9", "decision.at_least.precision 9.0 is out of range"),
        ("precision: 0.9", "recall: 0.9", "decision.at_least has the aim 'recall' itself; name another metric"),
        ("precision: 0.9", "cost: 0.9", "decision.at_least.cost 0.9 is out of range: only a metric of which more"),
        ("decision: {aim: recall, at", "decision: {at", r"decision is .* it must be a mapping such as \{aim: f1\}"),
    ],
)
def test_a_mistake_is_named_with_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        parse_contract(changed(old, new))


def test_a_decision_is_for_two_classes_only() -> None:
    with pytest.raises(ContractError, match="decision is for problem_type binary only, and this is multiclass"):
        parse_contract(changed("  - {metric: recall, threshold: 0.6}\n", "").replace("binary", "multiclass"))


@pytest.mark.parametrize("problem_type", METRICS_FOR)
@pytest.mark.parametrize("lower", [True, False])
def test_sagemakers_image_takes_an_own_metric_under_a_name_of_its_direction(problem_type: str, lower: bool) -> None:
    own = Metric("cost", lower, is_own=True)
    assert OBJECTIVES[objective_name(problem_type, own)] == ("Minimize" if lower else "Maximize")


# --- the gates


def judged(contract: Contract, sexes: list[str], right: list[bool], **metrics: float) -> dict[str, Any]:
    """The gates of rows, of which some are predicted rightly."""
    hits = np.array(right)
    groups = {"sex": np.array(sexes), "region": np.array(sexes)}
    found = {"recall": 0.7, "accuracy": float(hits.mean())} | metrics
    rows = Judged(np.ones(len(hits), int), Scores(hits.astype(int)), found, groups)
    return judge_gates(contract, rows, lambda _, actual, scores: float((actual == scores.predicted).mean()))


def with_gates(*lines: str) -> Contract:
    """The contract with other gates."""
    start, end = CONTRACT.index("gates:"), CONTRACT.index("decision:")
    return parse_contract(CONTRACT[:start] + "gates:\n" + "".join(f"  - {line}\n" for line in lines) + CONTRACT[end:])


BY_SEX = "{metric: accuracy, by: sex, max_gap: 0.25, min_rows: 3}"


def test_every_gate_has_a_result_and_the_missed_ones_are_in_one_sentence() -> None:
    contract = with_gates("{metric: recall, threshold: 0.8}", "{metric: accuracy, threshold: 0.5}", BY_SEX)
    found = judged(contract, ["f"] * 4 + ["m"] * 4, [True] * 4 + [True, True, False, False])
    assert [gate["met"] for gate in found["judged"]] == [False, True, False]
    assert found["missed"] == 2
    assert found["sentence"] == (
        " It misses a gate: recall is 0.7 and must be at least 0.8."
        " It misses a gate: the gap of accuracy by sex is 0.5 (f 1, m 0.5) and must be at most 0.25."
    )
    assert found["judged"][2]["groups"] == [
        {"group": "f", "rows": 4, "counted_rows": 4, "value": 1.0, "counts": True},
        {"group": "m", "rows": 4, "counted_rows": 4, "value": 0.5, "counts": True},
    ]


def test_a_small_group_is_shown_and_does_not_count() -> None:
    found = judged(with_gates(BY_SEX), ["f"] * 3 + ["m"] * 3 + ["x"] * 2, [True] * 6 + [False] * 2)
    assert found["missed"] == 0
    smallest = found["judged"][0]["groups"][-1]
    assert smallest == {"group": "x", "rows": 2, "counted_rows": 2, "value": 0.0, "counts": False}


@pytest.mark.parametrize(("metric", "positive", "called"), [("recall", 3, 9), ("precision", 9, 3)])
def test_what_is_counted_of_a_group_are_the_rows_that_the_metric_is_a_share_of(
    metric: str, positive: int, called: int
) -> None:
    contract = with_gates(f"{{metric: {metric}, by: sex, max_gap: 0.25, min_rows: 4}}")
    actual, predicted = (np.repeat([1, 0], [count, 12 - count]) for count in (positive, called))
    rows = Judged(actual, Scores(predicted), {}, {"sex": np.repeat(["f"], 12)})
    [group] = judge_gates(contract, rows, lambda *_: 0.5)["judged"][0]["groups"]
    assert (group["rows"], group["counted_rows"], group["counts"]) == (12, 3, False)


def test_a_gap_without_two_groups_of_enough_rows_cannot_be_judged_and_is_missed() -> None:
    found = judged(with_gates(BY_SEX), ["f"] * 6 + ["x"] * 2, [True] * 8)
    assert found["missed"] == 1
    assert (
        "cannot be judged: fewer than two groups have 3 rows that define it, the gate's min_rows (f 6, x 2)."
        in found["sentence"]
    )


def test_a_gap_that_cannot_be_judged_names_the_rows_of_at_most_five_groups() -> None:
    found = judged(with_gates(BY_SEX), ["f"] * 6 + list("abcdeg"), [True] * 12)
    assert re.search(r"min_rows \(f 6(, \w 1){4}, \.\.\.\)\.", found["sentence"])


def test_a_metric_that_the_rows_do_not_define_is_missed() -> None:
    found = judged(with_gates("{metric: roc_auc, threshold: 0.8}"), ["f"], [True])
    assert found["judged"][0]["value"] is None
    assert "roc_auc is not defined for the test rows and must be at least 0.8" in found["sentence"]


def test_of_many_small_groups_only_the_largest_are_listed() -> None:
    sexes = ["f"] * 3 + ["m"] * 3 + [f"x{number}" for number in range(MAX_GROUPS)]
    [gate] = judged(with_gates(BY_SEX), sexes, [True] * len(sexes))["judged"]
    assert len(gate["groups"]) == MAX_GROUPS
    assert gate["groups_left_out"] == 2


def test_a_group_that_is_not_listed_counts_if_it_has_enough_rows() -> None:
    sexes = [f"x{number}" for number in range(MAX_GROUPS + 1)] * 3
    right = [number < MAX_GROUPS for number in range(MAX_GROUPS + 1)] * 3
    [gate] = judged(with_gates(BY_SEX), sexes, right)["judged"]
    assert (gate["value"], gate["groups_left_out"]) == (1.0, 1)


def test_without_gates_none_is_missed() -> None:
    contract = parse_contract(CONTRACT.replace(CONTRACT[CONTRACT.index("gates:") : CONTRACT.index("decision:")], ""))
    assert judged(contract, ["f"], [True]) == {"missed": 0, "sentence": "", "summary": "", "judged": []}


@given(count=st.integers(1, 12))
def test_the_summary_fits_the_metadata_of_the_model_registry(count: int) -> None:
    contract = with_gates(*["{metric: accuracy, by: sex, max_gap: 0.25, min_rows: 3}"] * count)
    summary = judged(contract, ["f"] * 3 + ["m"] * 3, [True] * 6)["summary"]
    assert summary.startswith("the gap of accuracy by sex: 0 of at most 0.25")
    assert len(summary) <= MAX_METADATA


def test_the_groups_are_the_texts_of_the_cells_without_blanks() -> None:
    cells = pa.array([" a ", "b", "", None])
    for column in (cells, cells.dictionary_encode()):
        assert group_names(column).tolist() == ["a", "b", "(empty)", "(empty)"]


def test_truth_values_are_two_groups_however_they_are_written() -> None:
    cells = pa.array(["yes", " TRUE", "0", "no", ""])
    assert group_names(cells, are_truth_values=True).tolist() == ["true", "true", "false", "false", "(empty)"]


# --- own metrics


@pytest.fixture
def project(example: Example) -> Callable[..., Path]:
    """A project with own metrics, whose jobs/metrics.py ends with some functions."""

    def make(functions: str, contract: str = CONTRACT) -> Path:
        root = example(problem_type="binary")
        (root / "config" / "dataset.yaml").write_text(contract, "utf-8")
        with (root / "jobs" / "metrics.py").open("a", encoding="utf-8") as file:
            file.write(f"\n\n{functions}")
        shutil.rmtree(root / "data")
        return root

    return make


def test_check_accepts_functions_that_measure_in_the_declared_direction(project: Callable[..., Path]) -> None:
    check_own_metrics(project(COST + BENEFIT))


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (BENEFIT, "has the metric 'cost' in own_metrics, and jobs/metrics.py has no function of that name; write"),
        (COST + "from math import exp as benefit\n", "has the metric 'benefit' in own_metrics"),
        (COST + "def benefit(actual, scores):\n    return None\n", "benefit of 60 rows: TypeError: float"),
        (COST + BENEFIT.replace(".mean()", ".median()"), r"jobs/metrics.py, line \d+: benefit of 60 rows: Attribute"),
        (
            COST + COST.replace("cost", "benefit"),
            "has benefit: higher, but benefit is 0 for a perfect prediction",
        ),
        (COST + "def benefit(actual, scores):\n    return float('nan')\n", "benefit is nan for a perfect prediction"),
        (COST + BENEFIT + "import no_such_module\n", "cannot be imported: ModuleNotFoundError"),
        (MISSED + BENEFIT, "has metric: cost, and a constant prediction reaches 0, as much as a perfect one"),
        (UNDEFINED + BENEFIT, "cost is not defined for any constant prediction, which a model has to beat; return"),
    ],
)
def test_check_names_what_is_wrong_with_a_function(project: Callable[..., Path], functions: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_own_metrics(project(functions))


def test_a_project_without_own_metrics_does_not_import_the_file(example: Example) -> None:
    root = example()
    (root / "jobs" / "metrics.py").write_text("raise SystemExit('imported')", "utf-8")
    check_own_metrics(root)


def mean_cost(actual: np.ndarray, scores: Scores) -> float:
    """500 for a positive row that is missed, 20 for a false alarm."""
    missed, alarms = (actual > scores.predicted).sum(), (actual < scores.predicted).sum()
    return float(500 * missed + 20 * alarms) / len(actual)


@given(target=st.lists(st.booleans(), min_size=1, max_size=40), predicted=st.booleans())
def test_no_constant_class_beats_what_guessing_reaches_by_an_own_metric(target: list[bool], predicted: bool) -> None:
    actual, metric = np.array(target, int), Metric("cost", lower_is_better=True, is_own=True)
    constant = Scores(np.full(len(actual), int(predicted)), np.tile(np.eye(2)[int(predicted)], (len(actual), 1)))
    reached = reached_by_constants("binary", actual, metric, mean_cost)
    assert gain_over_guessing(metric, mean_cost(actual, constant), reached) <= 0


@given(target=st.lists(st.floats(-1000, 1000), min_size=2, max_size=40))
def test_the_mean_and_the_median_are_among_the_constants_of_a_regression(target: list[float]) -> None:
    actual, metric = np.array(target), Metric("mean_error", lower_is_better=True, is_own=True)

    def squared(actual: np.ndarray, scores: Scores) -> float:
        return float(((actual - scores.predicted) ** 2).mean())

    def absolute(actual: np.ndarray, scores: Scores) -> float:
        return float(np.abs(actual - scores.predicted).mean())

    assert reached_by_constants("regression", actual, metric, squared) == pytest.approx(np.var(actual), abs=1e-9)
    least = float(np.abs(actual - np.median(actual)).mean())
    assert reached_by_constants("regression", actual, metric, absolute) == pytest.approx(least, abs=1e-9)


def test_rows_that_no_constant_defines_give_no_baseline() -> None:
    metric = Metric("share", lower_is_better=False, is_own=True)
    assert math.isnan(reached_by_constants("binary", np.array([0, 1]), metric, lambda *_: math.nan))


def test_the_functions_are_those_of_the_projects_file(project: Callable[..., Path]) -> None:
    root = project(COST + BENEFIT)
    own = load_own_metrics(root / "jobs", parse_contract(CONTRACT))
    rows = np.array([0, 1, 1, 1])
    assert own["benefit"].measure(rows, Scores(np.array([0, 1, 0, 0]))) == 0.5
