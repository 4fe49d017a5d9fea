"""The local model monitor writes Model Monitor's files, detects drift, and tolerates differences by chance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.contract import load_contract, parse_contract
from mlops_jobs.monitor_files import monitored, tolerant
from mlops_kit.data.sample import sample_table
from mlops_kit.images import monitor
from mlops_kit.images.monitor_checks import violations
from mlops_kit.images.monitor_columns import Column, read_columns
from mlops_kit.images.monitor_constraints import suggested_constraints
from mlops_kit.images.monitor_statistics import sketch, statistics_of, unfold
from mlops_kit.runner.steps.quality_check import NONE
from pipeline_harness import Lab, open_lab, step_of

Numbers = np.ndarray[Any, np.dtype[np.float64]]
BASELINE_ROWS, BATCH_ROWS = 1400, 500


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def text_of(cell: Any) -> str | None:
    """A cell as it stands in a CSV file."""
    if cell is None or cell != cell:
        return None
    return cell if isinstance(cell, str) else f"{cell:.17g}"


def columns_of(**columns: Any) -> list[Column]:
    texts = {name: pa.array(map(text_of, cells), pa.string()) for name, cells in columns.items()}
    result: list[Column] = read_columns(pa.table(texts))
    return result


def columns_of_rows(rows: pa.Table) -> list[Column]:
    """Rows as the jobs hand them to the monitor."""
    batch = monitored(
        pa.record_batch(
            [
                pa.array(c.to_pylist())
                if pa.types.is_floating(c.type)
                else pa.array(c.to_pylist(), pa.string()).dictionary_encode()
                for c in rows.columns
            ],
            rows.column_names,
        )
    )
    texts = {name: column.cast(pa.string()) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    result: list[Column] = read_columns(pa.table(texts))
    return result


def baseline_of(columns: list[Column]) -> tuple[dict[str, Any], dict[str, Any]]:
    rows = columns[0].present + columns[0].missing
    # through JSON, as from one execution to the next
    texts = (json.dumps(statistics_of(columns, rows)), json.dumps(suggested_constraints(columns)))
    statistics, constraints = map(json.loads, texts)
    return statistics, constraints


def checked_by_the_pipeline(baseline: list[Column], batch: list[Column]) -> list[dict[str, str]]:
    """The violations under the constraints that the inference pipeline hands on."""
    statistics, constraints = baseline_of(baseline)
    result: list[dict[str, str]] = violations(batch, statistics, tolerant(constraints))
    return result


def violated(baseline: list[Column], batch: list[Column], **config: Any) -> list[tuple[str, str]]:
    statistics, constraints = baseline_of(baseline)
    constraints["monitoring_config"].update(config)
    checked = violations(batch, statistics, constraints)
    return [(violation["feature_name"], violation["constraint_check_type"]) for violation in checked]


def normal(seed: int, rows: int, mean: float = 10.0) -> Numbers:
    return np.random.default_rng(seed).normal(mean, 2.0, rows)


# The files


def test_statistics_have_the_schema_of_model_monitor() -> None:
    columns = columns_of(
        integer=[1, 2, 3, None], part=[0.5, 1.5, 2.5, 3.5], text=["a", "b", "a", None], none=[None] * 4
    )
    content = statistics_of(columns, 4)
    integer, part, text, none = content["features"]
    assert content["dataset"] == {"item_count": 4}
    assert [feature["inferred_type"] for feature in content["features"]] == [
        "Integral",
        "Fractional",
        "String",
        "Unknown",
    ]
    numbers = integer["numerical_statistics"]
    assert numbers["common"] == {"num_present": 3, "num_missing": 1}
    assert (numbers["mean"], numbers["sum"], numbers["min"], numbers["max"]) == (2.0, 6.0, 1.0, 3.0)
    kll = part["numerical_statistics"]["distribution"]["kll"]
    assert len(kll["buckets"]) == 10
    assert sum(bucket["count"] for bucket in kll["buckets"]) == 4
    assert kll["sketch"] == {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[0.5, 1.5, 2.5, 3.5]]}
    assert text["string_statistics"] == {
        "common": {"num_present": 3, "num_missing": 1},
        "distinct_count": 2.0,
        "distribution": {"categorical": {"buckets": [{"value": "a", "count": 2}, {"value": "b", "count": 1}]}},
    }
    assert set(none) == {"name", "inferred_type"}


def test_constraints_are_suggested_from_the_columns() -> None:
    columns = columns_of(integer=[1, 2, 3, None], below=[-0.5, 1.0, 2.0, 3.0], text=["b", "a", "b", "b"])
    content = suggested_constraints(columns)
    assert content["features"] == [
        {
            "name": "integer",
            "inferred_type": "Integral",
            "completeness": 0.75,
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "below",
            "inferred_type": "Fractional",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": False},
        },
        {
            "name": "text",
            "inferred_type": "String",
            "completeness": 1.0,
            "string_constraints": {"domains": ["a", "b"]},
        },
    ]
    distribution = content["monitoring_config"]["distribution_constraints"]
    assert (distribution["comparison_threshold"], distribution["comparison_method"]) == (0.1, "Robust")


@given(st.integers(1, 20_000), st.integers(0, 9))
def test_a_sketch_represents_all_values_and_preserves_their_ranks(rows: int, seed: int) -> None:
    values = np.sort(normal(seed, rows))
    levels = sketch(values)
    assert sum(map(len, levels)) <= 2048 + len(levels[-1]) % 2 + 16
    points, weights = unfold(levels)
    assert weights.sum() == rows
    assert (np.diff(points) >= 0).all()
    middle = points[np.searchsorted(np.cumsum(weights), rows / 2)]
    assert abs(np.searchsorted(values, middle) - rows / 2) <= 2 * len(levels) ** 2 + rows / 1000


# The checks


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_like_the_baseline_has_no_violations(seed: int, project: Path) -> None:
    contract = load_contract(project / "config" / "dataset.yaml")
    table = sample_table(contract, BASELINE_ROWS + BATCH_ROWS, seed).select(list(contract.baseline_columns))
    baseline, batch = (columns_of_rows(part) for part in (table[:BASELINE_ROWS], table[BASELINE_ROWS:]))
    assert checked_by_the_pipeline(baseline, batch) == []


@pytest.mark.parametrize("problem_type", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("seed", range(5))
def test_neither_does_a_batch_of_another_problem_type(problem_type: str, seed: int) -> None:
    kinds = {"amount": "numeric", "region": "categorical", "label": "target"}
    content = {
        "dataset": "bills",
        "problem_type": problem_type,
        "csv": {"header": True, "delimiter": ",", "missing": [""]},
        "columns": [{"name": name, "role": role} for name, role in kinds.items()],
        "metric": "rmse" if problem_type == "regression" else "accuracy",
        "threshold": 0.8,
    }
    contract = parse_contract(json.dumps(content))
    table = sample_table(contract, BASELINE_ROWS + BATCH_ROWS, seed).select(list(contract.baseline_columns))
    baseline, batch = (columns_of_rows(part) for part in (table[:BASELINE_ROWS], table[BASELINE_ROWS:]))
    assert checked_by_the_pipeline(baseline, batch) == []


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rows", [BATCH_ROWS, 5000])
def test_a_shift_of_the_mean_is_drift(seed: int, rows: int) -> None:
    baseline = columns_of(x=normal(seed, BASELINE_ROWS))
    assert violated(baseline, columns_of(x=normal(seed + 100, rows, mean=12.0))) == [("x", "baseline_drift_check")]


def test_drift_is_detected_against_a_large_baseline() -> None:
    baseline = columns_of(x=normal(1, 100_000))
    assert violated(baseline, columns_of(x=normal(2, 10_000))) == []
    assert violated(baseline, columns_of(x=normal(2, 10_000, mean=10.8))) == [("x", "baseline_drift_check")]


def test_a_small_batch_has_drifted_only_by_the_simple_method() -> None:
    baseline, batch = columns_of(x=normal(1, BASELINE_ROWS)), columns_of(x=normal(2, 40))
    simple = {"perform_comparison": "Enabled", "comparison_threshold": 0.1, "comparison_method": "Simple"}
    assert violated(baseline, batch) == []
    assert violated(baseline, batch, distribution_constraints=simple) == [("x", "baseline_drift_check")]
    off = {**simple, "perform_comparison": "Disabled"}
    assert violated(baseline, columns_of(x=normal(2, 40, mean=50)), distribution_constraints=off) == []


def test_a_change_of_category_frequencies_is_drift() -> None:
    baseline = columns_of(c=["a"] * 700 + ["b"] * 700)
    assert violated(baseline, columns_of(c=["a"] * 250 + ["b"] * 250)) == []
    assert violated(baseline, columns_of(c=["a"] * 450 + ["b"] * 50)) == [("c", "baseline_drift_check")]


def test_an_unknown_category_is_a_violation() -> None:
    baseline = columns_of(c=["a"] * 1000)
    statistics, constraints = baseline_of(baseline)
    [violation] = violations(columns_of(c=["a"] * 999 + ["new"]), statistics, constraints)
    assert violation["constraint_check_type"] == "categorical_values_check"
    assert "Observed: 99.9%; unknown are 'new'" in violation["description"]


def test_unique_texts_are_not_compared() -> None:
    baseline = columns_of(id=[f"r{number}" for number in range(1000)])
    assert violated(baseline, columns_of(id=[f"s{number}" for number in range(500)])) == []


def test_one_more_missing_cell_is_a_violation_unless_the_constraints_are_tolerant() -> None:
    baseline, batch = columns_of(x=[1.5] * 1000), columns_of(x=[1.5] * 499 + [None])
    assert violated(baseline, batch) == [("x", "completeness_check")]
    assert checked_by_the_pipeline(baseline, batch) == []


@pytest.mark.parametrize(
    ("baseline", "batch", "description"),
    [
        ([1, 2, 3], [1, 2, 2.5], "Expected data type: Integral, Expected match: 100.0%. Observed: Only 66.7%"),
        ([0.5, 1.5, 2.5], ["a", "1.5", "2.5"], "Expected data type: Fractional"),
        (["a", "b", "c"], [1, 2, 3], "Expected data type: String"),
    ],
)
def test_another_type_is_a_violation(baseline: list[Any], batch: list[Any], description: str) -> None:
    statistics, constraints = baseline_of(columns_of(x=baseline))
    checked = violations(columns_of(x=batch), statistics, constraints)
    assert description in {v["constraint_check_type"]: v["description"] for v in checked}["data_type_check"]


def test_integers_are_valid_in_a_fractional_column() -> None:
    assert violated(columns_of(x=[0.5, 1.0, 2.0]), columns_of(x=[1, 2, 0])) == []


def test_a_negative_number_violates_a_baseline_without_any_unless_the_constraints_are_tolerant() -> None:
    baseline, batch = columns_of(x=np.linspace(0.1, 9.9, 1000)), columns_of(x=np.linspace(-0.05, 9.9, 500))
    assert violated(baseline, batch) == [("x", "non_negative_check")]
    assert checked_by_the_pipeline(baseline, batch) == []


def test_tolerant_constraints_still_find_drift_another_type_and_other_columns() -> None:
    baseline = columns_of(x=normal(1, 1400), c=["a", "b"] * 700, n=[1, 2] * 700, gone=[1] * 1400)
    batch = columns_of(x=normal(2, 500, mean=14.0), c=["b"] * 500, n=[1.5, 2.5] * 250, new=[1] * 500)
    found = {(each["feature_name"], each["constraint_check_type"]) for each in checked_by_the_pipeline(baseline, batch)}
    assert found >= {
        ("x", "baseline_drift_check"),
        ("c", "baseline_drift_check"),
        ("n", "data_type_check"),
        ("gone", "missing_column_check"),
        ("new", "extra_column_check"),
    }


def test_a_fraction_in_a_column_that_had_integers_by_chance_is_no_other_type() -> None:
    baseline, batch = columns_of(x=[1, 2, 3] * 300), columns_of(x=[1, 2, 3] * 100 + [2.5])
    assert violated(baseline, batch) == [("x", "data_type_check")]
    assert checked_by_the_pipeline(baseline, batch) == []


# The text of a cell decides its type


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["00060", "7"], "Integral"),
        (["-5", "+5", "- 5"], "Integral"),
        (["1", "1.5", ".5", "5."], "Fractional"),
        (["9.0"], "Fractional"),
        (["1e-07"], "String"),
        (["nan", "1.5"], "String"),
        (["true", "false"], "String"),
        (["-"], "String"),
        ([None], "Unknown"),
    ],
)
def test_the_type_of_a_column_follows_from_the_texts_of_its_cells(cells: list[str | None], kind: str) -> None:
    [column] = columns_of(x=cells)
    assert column.type == kind


def test_codes_without_a_mark_would_be_numbers_and_their_zeros_no_difference() -> None:
    with_zeros, without = (columns_of(x=codes * 100) for codes in (["00060", "00065"], ["60", "65"]))
    assert violated(with_zeros, without) == [], "so a mark that is missing would be found by the tests"
    marked = pa.table({"x": ["00060", "00065"] * 100}), pa.table({"x": ["60", "65"] * 100})
    found = checked_by_the_pipeline(*map(columns_of_rows, marked))
    assert [each["constraint_check_type"] for each in found] == ["baseline_drift_check"]


def test_missing_and_extra_columns_are_violations() -> None:
    expected = [("b", "missing_column_check"), ("c", "extra_column_check")]
    assert violated(columns_of(a=[1.5, 2.5], b=[1, 2]), columns_of(a=[1.5, 2.5], c=[1, 2])) == expected


def test_the_baseline_can_disable_checks_for_all_columns_or_one() -> None:
    baseline, batch = columns_of(x=[1, 2, 3]), columns_of(x=["a", "b", "c"])
    assert violated(baseline, batch, evaluate_constraints="Disabled") == []
    statistics, constraints = baseline_of(baseline)
    constraints["features"][0]["monitoringConfigOverrides"] = {"datatype_check_threshold": 0.0}
    assert violations(batch, statistics, constraints) == []


def test_an_unknown_method_is_refused() -> None:
    chi = {"comparison_threshold": 0.1, "categorical_drift_method": "ChiSquared"}
    with pytest.raises(SystemExit, match="supports no categorical_drift_method but LInfinity"):
        violated(columns_of(x=["a"]), columns_of(x=["a"]), distribution_constraints=chi)


# The script


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"dataset_source": str(folder / "in"), "output_path": str(folder / "out"), **more}


@pytest.mark.parametrize(("header", "names"), [(True, ["x", "1"]), (False, ["_c0", "_c1"])])
def test_the_script_reads_all_files_with_or_without_a_header(tmp_path: Path, header: bool, names: list[str]) -> None:
    for name in ("in/a.csv", "in/deep/b.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x,1\nNA,2\n,3\n", encoding="utf-8")
    (tmp_path / "in" / "_SUCCESS").touch()
    dataset_format = json.dumps({"csv": {"header": header}})
    monitor.main(environment(tmp_path, dataset_format=dataset_format))
    content = json.loads((tmp_path / "out" / "statistics.json").read_text(encoding="utf-8"))
    assert [feature["name"] for feature in content["features"]] == names
    assert content["dataset"]["item_count"] == (4 if header else 6)
    assert content["features"][0]["string_statistics"]["common"]["num_missing"] == 2
    assert not (tmp_path / "out" / "constraint_violations.json").exists()


@pytest.mark.parametrize("name", ["a.b", "a`b", "*"])
def test_the_script_refuses_column_names_that_spark_reads_as_syntax(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(f"{name},c\n1,2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="cannot resolve the column"):
        monitor.main(environment(tmp_path))


def test_the_script_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SystemExit, match="contains no file"):
        monitor.main(environment(tmp_path))
    with pytest.raises(SystemExit, match="reads CSV, and not parquet"):
        monitor.main(environment(tmp_path, dataset_format='{"parquet": {}}'))


# The step


def check(lab: Lab, name: str, data: str, **options: Any) -> dict[str, Any]:
    """A QualityCheck step."""
    job = lab.job(name, inputs={"dataset": data}, outputs=["quality_check_output"])
    specification = {"ImageUri": "monitor"}
    variables = {
        "dataset_source": "/opt/ml/processing/input/dataset",
        "output_path": "/opt/ml/processing/output/quality_check_output",
        "dataset_format": '{"csv": {"header": true}}',
    }
    request = {**job["Arguments"], "AppSpecification": specification, "Environment": variables}
    known = {"CheckType": "DATA_QUALITY", "SkipCheck": False, "FailOnViolation": False, "RegisterNewBaseline": False}
    return {"Name": name, "Type": "QualityCheck", "Arguments": request, **known, **options}


def csv(values: Numbers) -> dict[str, str | bytes]:
    return {"data.csv": pd.DataFrame({"x": values}).to_csv(index=False)}


def supplied(step: str) -> dict[str, Any]:
    path = f"Steps.{step}.BaselineUsedForDriftCheck"
    return {f"SuppliedBaseline{what}": {"Get": path + what} for what in ("Statistics", "Constraints")}


def test_a_baseline_is_created_registered_and_used_by_later_checks(lab: Lab) -> None:
    baseline = check(lab, "Baseline", lab.store("data", csv(normal(1, 1400))), SkipCheck=True, RegisterNewBaseline=True)
    same = check(lab, "Same", lab.store("data", csv(normal(2, 500))), **supplied("Baseline"))
    other = check(lab, "Other", lab.store("data", csv(normal(3, 500, mean=20))), **supplied("Baseline"))
    record = lab.run(baseline, same, other)
    assert record["status"] == "Succeeded", record["reason"]
    created = step_of(record, "Baseline")["result"]
    assert created["CalculatedBaselineStatistics"] == created["BaselineUsedForDriftCheckStatistics"]
    assert step_of(record, "Baseline")["note"] == "1400 rows, 1 columns"
    assert step_of(record, "Same")["note"] == NONE
    assert step_of(record, "Other")["note"] == "1 violation: x (baseline_drift_check)"
    result = step_of(record, "Other")["result"]
    assert result["BaselineUsedForDriftCheckStatistics"] == created["CalculatedBaselineStatistics"]
    uri = step_of(record, "Other")["files"][0]["s3_uri"]
    assert len(json.loads(lab.read(f"{uri}/constraint_violations.json"))["violations"]) == 1
    steps = lab.cloud.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=record["arn"])
    metadata = {step["StepName"]: step["Metadata"]["QualityCheck"] for step in steps["PipelineExecutionSteps"]}
    assert metadata["Other"]["ViolationReport"] == f"{uri}/constraint_violations.json"
    assert metadata["Baseline"]["SkipCheck"] is True


def test_a_violation_fails_a_step_with_fail_on_violation(lab: Lab) -> None:
    baseline = check(lab, "Baseline", lab.store("data", csv(normal(1, 1400))), SkipCheck=True, RegisterNewBaseline=True)
    other = check(lab, "Other", lab.store("data", csv(-normal(3, 500))), FailOnViolation=True, **supplied("Baseline"))
    reason = lab.run(baseline, other)["reason"]
    assert reason == "Other: ClientError: 2 violations: x (non_negative_check), x (baseline_drift_check)"


def test_the_default_baseline_is_that_of_the_approved_model(lab: Lab) -> None:
    data = lab.store("data", csv(normal(1, 500)))
    group = lab.cloud.environment.model_package_group
    step = check(lab, "Check", data, ModelPackageGroupName=group)
    assert "there is no baseline to check against" in lab.run(step)["reason"]
    first = step_of(lab.run(check(lab, "Baseline", data, SkipCheck=True)), "Baseline")["result"]
    quality = {what: {"S3Uri": first[f"CalculatedBaseline{what}"], "ContentType": "application/json"} for what in WHAT}
    lab.cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        DriftCheckBaselines={"ModelDataQuality": quality},
        InferenceSpecification={
            "Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    assert step_of(lab.run(step), "Check")["note"] == NONE
    for more in (
        {"ModelPackageGroupName": group},
        {f"SuppliedBaseline{what}": quality[what]["S3Uri"] for what in WHAT},
    ):
        kept = step_of(lab.run(check(lab, "Kept", data, SkipCheck=True, **more)), "Kept")["result"]
        assert kept["BaselineUsedForDriftCheckStatistics"] == quality["Statistics"]["S3Uri"]
        assert kept["CalculatedBaselineStatistics"] != quality["Statistics"]["S3Uri"]


WHAT = ("Statistics", "Constraints")


def test_another_check_type_is_refused(lab: Lab) -> None:
    step = check(lab, "Check", lab.store("data", csv(normal(1, 9))), CheckType="MODEL_QUALITY")
    assert "local mode supports the check DATA_QUALITY, not MODEL_QUALITY" in lab.run(step)["reason"]
