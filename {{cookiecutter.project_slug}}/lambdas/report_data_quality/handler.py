"""Lambda, the step after the data-quality check: report its verdict, and send an event if there are violations.

A verdict is not a crash: the event informs others that the data breaks the baseline, and the pipeline goes on.

Needs the IAM actions s3:GetObject and s3:ListBucket on the bucket (without the latter, S3 reports a missing file as
access denied), kms:Decrypt on its key, events:PutEvents on the default bus, and those of every function's log.
"""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
from botocore.exceptions import ClientError

DETAIL_TYPE = "Data Quality Violation"

# EventBridge accepts 256 KB per entry, including its other fields.
MAX_DETAIL_BYTES = 250 * 1024


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The entry point of AWS Lambda; see `report`."""
    return report(event, boto3.client("s3"), boto3.client("events"))


def report(event: dict[str, Any], s3: Any, events: Any) -> dict[str, str]:
    """Read the results of the check, and put one event on the default bus if there are violations.

    Args:
        event: results_uri (where the check wrote), project, environment, pipeline_name, execution_arn, data_uri.
        s3: boto3's client.
        events: boto3's client.

    Returns:
        DataQuality (PASS or VIOLATION), and Violations, their number.

    Raises:
        ValueError: the check left no results.
        RuntimeError: EventBridge did not accept the event.
    """
    violations = _violations(s3, event["results_uri"])
    if violations:
        _put(events, event, violations)
    return {"DataQuality": "VIOLATION" if violations else "PASS", "Violations": str(len(violations))}


def _violations(s3: Any, results_uri: str) -> list[dict[str, str]]:
    results = _read_json(s3, results_uri, "constraint_violations.json")
    # The check may omit this file if there are no violations, but it always writes its statistics.
    if results is None and _read_json(s3, results_uri, "statistics.json") is None:
        raise ValueError(f"the data-quality check left no results under {results_uri}; read the log of its job")
    return [
        {
            "feature": violation["feature_name"],
            "check": violation["constraint_check_type"],
            "description": violation["description"],
        }
        for violation in (results or {}).get("violations", [])
    ]


def _read_json(s3: Any, folder_uri: str, name: str) -> dict[str, Any] | None:
    """Read a JSON file under an S3 URI; None if it does not exist."""
    match = re.fullmatch(r"s3://([^/]+)/(.*)", f"{folder_uri.rstrip('/')}/{name}")
    if not match:
        raise ValueError(f"{folder_uri!r} is not an S3 URI; pass one like s3://bucket/folder")
    try:
        body = s3.get_object(Bucket=match[1], Key=match[2])["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return json.load(body)


def _put(events: Any, event: dict[str, Any], violations: list[dict[str, str]]) -> None:
    entry = {
        "Source": f"mlops.{event['project']}",
        "DetailType": DETAIL_TYPE,
        "Resources": [event["execution_arn"]],
        "Detail": _detail(event, violations),
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise RuntimeError(
            f"EventBridge did not accept the event {DETAIL_TYPE!r}: {failed['ErrorCode']}: {failed['ErrorMessage']}"
        )


def _detail(event: dict[str, Any], violations: list[dict[str, str]]) -> str:
    """The event's detail as JSON: `count` is the number of all violations, `violations` lists as many as fit."""
    detail: dict[str, Any] = {
        "project": event["project"],
        "environment": event["environment"],
        "pipeline": event["pipeline_name"],
        "executionArn": event["execution_arn"],
        "dataUri": event["data_uri"],
        "resultsUri": event["results_uri"],
        "count": len(violations),
        "violations": [],
    }
    left = MAX_DETAIL_BYTES - len(json.dumps(detail))
    for violation in violations:
        left -= len(json.dumps(violation)) + len(", ")
        if left < 0:
            break
        detail["violations"].append(violation)
    return json.dumps(detail)
