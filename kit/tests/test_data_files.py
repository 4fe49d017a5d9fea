"""Data files that differ from their uploaded copies are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import put
from mlops_jobs.split_rule import SplitRule
from mlops_kit.aws.environment import Environment
from mlops_kit.data.data_files import FOLDERS, changed_data, upload_data

RULE = SplitRule(test_files="holdout-*.csv")


@pytest.fixture
def data(tmp_path: Path, environment: Environment) -> Path:
    """A folder whose files are uploaded."""
    for name in (*FOLDERS, "holdout-1.csv"):
        put(tmp_path / "data" / name, f"a,b\n1,{name}\n")
    s3 = environment.client("s3")
    if environment.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=environment.bucket)
    upload_data(tmp_path / "data", s3, environment.bucket, rule=RULE)
    return tmp_path / "data"


def test_files_that_differ_from_their_copies_are_found(data: Path, environment: Environment) -> None:
    s3, bucket = environment.client("s3"), environment.bucket
    assert changed_data(data, s3, bucket, RULE) == {}
    put(data / "ground-truth.csv", "a,b\n2,ground-truth.csv\n")  # of the same size
    put(data / "training-data.csv", "longer than it was, and other text\n")
    put(data / "holdout-2.csv", "new\n")
    (data / "inference-data.csv").unlink()
    assert changed_data(data, s3, bucket, RULE) == {
        "training": ["training-data.csv", "holdout-2.csv"],
        "labels": ["ground-truth.csv"],
    }
    upload_data(data, s3, bucket, ("training",), RULE)
    assert changed_data(data, s3, bucket, RULE) == {"labels": ["ground-truth.csv"]}
