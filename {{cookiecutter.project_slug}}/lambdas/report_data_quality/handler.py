"""Lambda, the step after the data-quality check: make one verdict of the check's results and the batch's counts.

The check compares distributions. What quality_input.py counted (unseen or respelled categories, missing cells, numbers
below zero) is compared with what training counted. A count is a violation if both hold:

- Chance does not explain it. Under Fisher's exact test (the upper tail of the hypergeometric distribution), two samples
  of one population differ as much with a probability below SIGNIFICANCE, divided by the number of checks (Bonferroni).
  So of a thousand healthy batches at most one violates, however many columns and however few rows there are.
- It matters: the share exceeds the expected share by MIN_EXCESS. Among millions of rows any difference is significant.

Of respelled categories (`65` for `00065`) where training has none, the second condition is enough: they are not rare
categories that chance brings, but damaged ones.

Violations of either kind are listed in one event. A verdict is not a crash: the event informs others that the data
breaks the baseline, and the pipeline goes on.

Needs the IAM actions s3:GetObject and s3:ListBucket on the bucket (without the latter, S3 reports a missing file as
access denied), kms:Decrypt on its key, events:PutEvents on the default bus, and those of every function's log.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError
from mlops_jobs.chance import chance
from mlops_jobs.expected import MISSING, NEGATIVE, RESPELLED, UNSEEN
from mlops_jobs.monitor_names import unescaped

DETAIL_TYPE = "Data Quality Violation"

# EventBridge accepts 256 KB per entry, including its other fields.
MAX_DETAIL_BYTES = 250 * 1024

SIGNIFICANCE = 0.001  # of a batch, over all of its checks
MIN_EXCESS = 0.01  # of the rows
MAX_EXAMPLES = 3
CHECKS = {
    UNSEEN: "unseen_category_check",
    RESPELLED: "respelled_category_check",
    MISSING: "missing_cells_check",
    NEGATIVE: "negative_number_check",
}

# SageMaker accepts 1,024 characters for an output of a step.
MAX_OUTPUT = 1000


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The entry point of AWS Lambda; see `report`."""
    return report(event, boto3.client("s3"), boto3.client("events"))


def report(event: dict[str, Any], s3: Any, events: Any) -> dict[str, str]:
    """Read results and counts, and put one event on the default bus if there are violations.

    Args:
        event: results_uri (where the check wrote), counts_uri (where quality_input.py wrote its counts), project,
            environment, pipeline_name, execution_arn, data_uri.
        s3: boto3's client.
        events: boto3's client.

    Returns:
        DataQuality (PASS or VIOLATION), Violations, their number, and Counted: those that follow from the counts, as a
        JSON list with as many as fit.

    Raises:
        ValueError: the check left no results, or quality_input.py no counts.
        RuntimeError: EventBridge did not accept the event.
    """
    counted = counted_violations(_counts(s3, event.get("counts_uri", "")))
    violations = counted + _violations(s3, event["results_uri"])
    if violations:
        _put(events, event, violations)
    return {
        "DataQuality": "VIOLATION" if violations else "PASS",
        "Violations": str(len(violations)),
        "Counted": json.dumps(_fitting(counted, MAX_OUTPUT - len("[]")), ensure_ascii=False),
    }


def _counts(s3: Any, folder_uri: str) -> list[dict[str, Any]]:
    """The files of counts, one of each instance; none where a pipeline of an older release writes none."""
    if not folder_uri:
        return []
    bucket, prefix = _location(folder_uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].endswith(".json")]
    if not keys:
        raise ValueError(f"quality_input.py left no counts under {folder_uri}; read the log of its job")
    return [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in keys]


def _violations(s3: Any, results_uri: str) -> list[dict[str, str]]:
    results = _read_json(s3, results_uri, "constraint_violations.json")
    # The check may omit this file if there are no violations, but it always writes its statistics.
    if results is None and _read_json(s3, results_uri, "statistics.json") is None:
        raise ValueError(f"the data-quality check left no results under {results_uri}; read the log of its job")
    return [
        {
            "feature": unescaped(violation["feature_name"]),
            "check": violation["constraint_check_type"],
            "description": violation["description"],
        }
        for violation in (results or {}).get("violations", [])
    ]


def _read_json(s3: Any, folder_uri: str, name: str) -> dict[str, Any] | None:
    """Read a JSON file under an S3 URI; None if it does not exist."""
    bucket, prefix = _location(folder_uri)
    try:
        body = s3.get_object(Bucket=bucket, Key=f"{prefix}{name}")["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return json.load(body)


def _location(folder_uri: str) -> tuple[str, str]:
    """The bucket of a folder's S3 URI, and the prefix of the keys in it."""
    match = re.fullmatch(r"s3://([^/]+)/(.*?)/*", folder_uri)
    if not match:
        raise ValueError(f"{folder_uri!r} is not an S3 URI; pass one like s3://bucket/folder")
    return match[1], f"{match[2]}/"


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
    detail["violations"] = _fitting(violations, MAX_DETAIL_BYTES - len(json.dumps(detail)), ascii_only=True)
    return json.dumps(detail)


def _fitting(violations: list[dict[str, str]], left: int, *, ascii_only: bool = False) -> list[dict[str, str]]:
    """As many violations, from the first one, as fit into so many characters of JSON."""
    fitting = []
    for violation in violations:
        left -= len(json.dumps(violation, ensure_ascii=ascii_only)) + len(", ")
        if left < 0:
            break
        fitting.append(violation)
    return fitting


def counted_violations(files: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Judge the counts of all instances together.

    Args:
        files: the content of each file of counts.

    Returns:
        feature, check and description of each violation, the largest share first.
    """
    rows, checks = 0, 1
    counts: Counter[tuple[str, str]] = Counter()
    entries: dict[tuple[str, str], Mapping[str, Any]] = {}
    pairs: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for content in files:
        rows += content["rows"]
        checks = max(checks, content["checks"])
        for entry in content["counts"]:
            place = (entry["check"], entry["column"])
            counts[place] += entry["count"]
            entries[place] = entry
            pairs[place] |= dict(zip(entry.get("examples", []), entry.get("known", []), strict=True))
    return [
        {"feature": column, "check": CHECKS[check], "description": _describe(check, count, rows, entry, pairs[place])}
        for place, count in counts.most_common()
        for check, column in [place]
        if (entry := entries[place]).get("expected_rows")
        and _violates(check, count, rows, entry, SIGNIFICANCE / checks)
    ]


def _violates(check: str, count: int, rows: int, entry: Mapping[str, Any], significance: float) -> bool:
    expected, expected_rows = entry["expected"], entry["expected_rows"]
    if count / rows - expected / expected_rows < MIN_EXCESS:
        return False
    if check == RESPELLED and not expected:
        return True
    return chance(count, rows, expected, expected_rows) < significance


def _describe(check: str, count: int, rows: int, entry: Mapping[str, Any], pairs: Mapping[str, str]) -> str:
    share, normal = f"{count / rows:.1%} of {rows:,} rows", f"{entry['expected'] / entry['expected_rows']:.1%}"
    if check == MISSING:
        return f"{share} have no value; of the training data {normal} had none"
    if check == NEGATIVE:
        return f"{share} have a negative number; the training data has none"
    shown = ", ".join(f"{found!r} (training has {known!r})" for found, known in list(pairs.items())[:MAX_EXAMPLES])
    if check == RESPELLED:
        return (
            f"{share} have a category that training has in another spelling; {normal} is normal. For example {shown}. "
            "Write the column as text where it is exported"
        )
    return f"{share} have a category that the model was not trained on; {normal} is normal. For example {shown}"
