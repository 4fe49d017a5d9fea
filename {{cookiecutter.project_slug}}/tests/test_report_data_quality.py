from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from fake_aws import client, create_bucket, create_queue, fake_aws, receive

from lambdas.report_data_quality.handler import handler, report

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
    assert answer() == {"DataQuality": "VIOLATION", "Violations": "2"}
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
    assert answer() == {"DataQuality": "PASS", "Violations": "0"}
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
