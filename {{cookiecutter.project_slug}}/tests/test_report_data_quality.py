from __future__ import annotations

import json
import re
from math import comb
from time import process_time
from types import SimpleNamespace

import pytest
from fake_aws import client, create_bucket, create_queue, fake_aws, receive
from hypothesis import given
from hypothesis import strategies as st
from mlops_jobs.chance import chance

from lambdas.report_data_quality.handler import counted_violations, handler, report

RESULTS = "executions/flats-dev-inference/abc/DataQualityCheck"
EVENT = {
    "results_uri": f"s3://bucket/{RESULTS}",
    "pipeline_name": "flats-dev-inference",
    "execution_arn": "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/flats-dev-inference/execution/abc",
    "project": "flats",
    "environment": "dev",
    "data_uri": "s3://bucket/data/inference",
}


@pytest.fixture(autouse=True)
def queue():
    """The URL of a queue that receives every event of this project."""
    with fake_aws():
        create_bucket("bucket")
        url, arn = create_queue("events")
        client("events").put_rule(Name="all", EventPattern=json.dumps({"source": ["mlops.flats"]}))
        client("events").put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
        yield url


def put(name, content):
    client("s3").put_object(Bucket="bucket", Key=f"{RESULTS}/{name}", Body=json.dumps(content).encode())


def violation(feature, description="Data type match requirement is not met."):
    return {"feature_name": feature, "constraint_check_type": "data_type_check", "description": description}


def received(queue):
    return [json.loads(body) for body in receive(queue)]


def answer(**changes):
    return report(EVENT | changes, client("s3"), client("events"))


def test_data_that_breaks_the_baseline_is_an_event(queue):
    put("constraint_violations.json", {"violations": [violation("area"), violation("rooms")]})
    assert answer() == {"DataQuality": "VIOLATION", "Violations": "2", "Counted": "[]"}
    (event,) = received(queue)
    assert (event["source"], event["detail-type"]) == ("mlops.flats", "Data Quality Violation")
    assert event["resources"] == [EVENT["execution_arn"]]
    assert event["detail"] == {
        "project": "flats",
        "environment": "dev",
        "pipeline": "flats-dev-inference",
        "executionArn": EVENT["execution_arn"],
        "dataUri": "s3://bucket/data/inference",
        "resultsUri": EVENT["results_uri"],
        "count": 2,
        "violations": [
            {
                "feature": feature,
                "check": "data_type_check",
                "description": "Data type match requirement is not met.",
            }
            for feature in ("area", "rooms")
        ],
    }


@pytest.mark.parametrize("name", ["constraint_violations.json", "statistics.json"])
def test_data_without_violations_is_not_an_event(queue, name):
    put(name, {"violations": []})
    assert answer() == {"DataQuality": "PASS", "Violations": "0", "Counted": "[]"}
    assert received(queue) == []


def test_the_handler_gives_the_same_answer():
    put("constraint_violations.json", {"violations": [violation("area")]})
    assert handler(EVENT, None) == answer()


def test_a_check_without_results_is_an_error_that_names_the_place(queue):
    with pytest.raises(ValueError, match=re.escape(f"left no results under {EVENT['results_uri']}")):
        answer()
    assert received(queue) == []


def test_another_kind_of_uri_is_refused():
    with pytest.raises(ValueError, match="'results' is not an S3 URI"):
        answer(results_uri="results")


@pytest.mark.parametrize(("count", "description"), [(3_000, "wide"), (90, "ä" * 5_000), (2, "ä" * 150_000)])
def test_an_event_stays_within_the_limit_of_eventbridge_and_counts_the_violations_that_do_not_fit(count, description):
    put("constraint_violations.json", {"violations": [violation(f"f{n}", description) for n in range(count)]})
    entries = []
    events = SimpleNamespace(put_events=lambda Entries: entries.extend(Entries) or {"FailedEntryCount": 0})  # noqa: N803
    assert report(EVENT, client("s3"), events)["Violations"] == str(count)
    assert sum(len(str(value).encode()) for value in entries[0].values()) < 256 * 1024
    detail = json.loads(entries[0]["Detail"])
    assert detail["count"] == count
    assert detail["violations"] == [
        {"feature": f"f{n}", "check": "data_type_check", "description": description}
        for n in range(len(detail["violations"]))
    ]


def test_an_event_that_was_not_accepted_is_an_error():
    put("constraint_violations.json", {"violations": [violation("area")]})
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}
    events = SimpleNamespace(put_events=lambda Entries: failed)  # noqa: N803
    with pytest.raises(RuntimeError, match="ThrottlingException: slow down"):
        report(EVENT, client("s3"), events)


# The counts of the batch

COUNTS = "executions/flats-dev-inference/abc/QualityInput/counts"


def entry(column="code", check="unseen", count=0, expected=0, expected_rows=300, **more):
    return {
        "column": column,
        "check": check,
        "count": count,
        "expected": expected,
        "expected_rows": expected_rows,
    } | more


def counted(*entries, rows=200, checks=10):
    return {"rows": rows, "checks": checks, "counts": list(entries)}


def put_counts(name, content):
    client("s3").put_object(Bucket="bucket", Key=f"{COUNTS}/{name}", Body=json.dumps(content).encode())


def test_codes_that_training_never_saw_are_a_violation_with_column_share_and_an_example_of_each(queue):
    put("constraint_violations.json", {"violations": [violation("area%2Em2")]})
    put_counts("a.json", counted(entry(count=200, expected=1, examples=["60"], known=["00060"])))
    found = answer(counts_uri=f"s3://bucket/{COUNTS}")
    assert (found["DataQuality"], found["Violations"]) == ("VIOLATION", "2")
    (event,) = received(queue)
    code, area = event["detail"]["violations"]
    assert code == {
        "feature": "code",
        "check": "unseen_category_check",
        "description": "100.0% of 200 rows have a category that the model was not trained on; 0.3% is normal. For "
        "example '60' (training has '00060')",
    }
    assert area["feature"] == "area.m2", "the name without what the monitor needs"
    assert json.loads(found["Counted"]) == [code]


def test_the_counts_of_all_instances_are_added_up():
    first, second = (counted(entry(count=9, examples=[text], known=["00060"])) for text in ("60", "65"))
    assert counted_violations([first]) == [], "nine of 200 and none of 300 could be chance in ten checks"
    [found] = counted_violations([first, second])
    assert found["description"].startswith("4.5% of 400 rows")
    assert "'60' (training has '00060'), '65' (training has '00060')" in found["description"]


def respelled(count, expected=0):
    return entry(check="respelled", count=count, expected=expected, examples=["65"], known=["00065"])


def test_a_few_codes_that_lost_their_zeros_are_a_violation_though_chance_could_bring_as_many_rare_ones():
    [found] = counted_violations([counted(respelled(5), rows=52)])
    assert (found["feature"], found["check"]) == ("code", "respelled_category_check")
    assert found["description"] == (
        "9.6% of 52 rows have a category that training has in another spelling; 0.0% is normal. For example '65' "
        "(training has '00065'). Write the column as text where it is exported"
    )
    assert len(counted_violations([counted(respelled(1), rows=100)])) == 1
    other = entry(count=5, expected_rows=60)
    assert counted_violations([counted(other, rows=52)]) == [], "other categories may be rare ones"


@pytest.mark.parametrize(("count", "rows", "expected"), [(1, 101, 0), (99, 10_000, 0), (5, 52, 15)])
def test_a_single_typo_or_spellings_that_training_mixes_are_no_violation(count, rows, expected):
    assert counted_violations([counted(respelled(count, expected), rows=rows)]) == []


@pytest.mark.parametrize(
    ("check", "name", "text"),
    [
        ("missing", "missing_cells_check", "30.0% of 200 rows have no value; of the training data 1.0% had none"),
        ("negative", "negative_number_check", "30.0% of 200 rows have a negative number; the training data has none"),
    ],
)
def test_missing_and_negative_cells_are_judged_as_well(check, name, text):
    [found] = counted_violations([counted(entry(check=check, count=60, expected=3))])
    assert (found["check"], found["description"]) == (name, text)


@pytest.mark.parametrize(
    ("count", "rows", "expected", "expected_rows"),
    [
        (1, 1, 0, 300),  # a single row
        (1, 200, 0, 300),
        (6, 200, 3, 300),
        (900, 1_000_000, 0, 1_000_000),  # significant, and of no consequence
        (200, 200, 299, 300),
    ],
)
def test_what_chance_explains_or_does_not_matter_is_no_violation(count, rows, expected, expected_rows):
    content = counted(entry(count=count, expected=expected, expected_rows=expected_rows), rows=rows)
    assert counted_violations([content]) == []


def test_a_model_of_an_older_release_does_not_know_what_is_normal():
    old = {"column": "code", "check": "unseen", "count": 200}
    assert counted_violations([{"rows": 200, "checks": 2, "counts": [old]}]) == []


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_the_chance_is_that_of_fishers_exact_test(count, rows, expected, expected_rows):
    count, expected = min(count, rows), min(expected, expected_rows)
    total = count + expected
    ways = sum(comb(rows, found) * comb(expected_rows, total - found) for found in range(count, min(total, rows) + 1))
    assert chance(count, rows, expected, expected_rows) == pytest.approx(ways / comb(rows + expected_rows, total))


def test_counts_that_are_not_there_are_an_error(queue):
    put("constraint_violations.json", {"violations": []})
    with pytest.raises(ValueError, match=re.escape(f"quality_input.py left no counts under s3://bucket/{COUNTS}")):
        answer(counts_uri=f"s3://bucket/{COUNTS}")
    assert received(queue) == []


def test_an_output_of_the_step_stays_within_sagemakers_limit():
    put("constraint_violations.json", {"violations": []})
    put_counts("a.json", counted(*(entry(f"c{n}", count=200, examples=["ü" * 60], known=["0"]) for n in range(30))))
    found = answer(counts_uri=f"s3://bucket/{COUNTS}")
    assert found["Violations"] == "30"
    assert len(found["Counted"]) <= 1024
    assert len(json.loads(found["Counted"])) >= 1


def test_a_column_of_another_script_fits_into_the_output_of_the_step():
    put("constraint_violations.json", {"violations": []})
    put_counts("a.json", counted(entry("地域", count=200, examples=["東" * 60, "西" * 60], known=["南" * 60] * 2)))
    (violation,) = json.loads(answer(counts_uri=f"s3://bucket/{COUNTS}")["Counted"])
    assert violation["feature"] == "地域"


def test_the_chance_of_what_is_next_to_impossible_is_known_at_once():
    started = process_time()
    assert chance(40_000_000, 80_000_000, 5_000_000, 80_000_000) == 0.0
    assert process_time() - started < 1
