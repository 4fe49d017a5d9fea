"""The project's data files, and the folders of S3 that the pipelines read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.split_rule import BY_ROW, SplitRule
from mlops_kit.aws.environment import Environment

# The folder below data/ in the bucket: the defaults of the pipelines' parameters name these.
FOLDERS = {"training-data.csv": "training", "inference-data.csv": "inference", "ground-truth.csv": "labels"}
BLOCK = 2**20  # bytes of a file that are read at a time


def data_files(folder: Path) -> list[Path]:
    """The data files that exist."""
    return [folder / name for name in FOLDERS if (folder / name).exists()]


def held_out_files(folder: Path, rule: SplitRule) -> list[Path]:
    """The files beside the data files whose rows are the test split, by the contract's split.test_files."""
    return [path for path in sorted(folder.glob("*.csv")) if path.name not in FOLDERS and rule.is_test_file(path.name)]


def upload_data(
    folder: Path,
    s3: Any,
    bucket: str,
    what: Sequence[str] = tuple(FOLDERS.values()),
    rule: SplitRule = BY_ROW,
) -> list[str]:
    """Upload the data files that exist, and delete the uploaded copies of those that no longer do.

    Args:
        folder: the folder of the data files.
        s3: boto3's client.
        bucket: the target.
        what: some of training, inference and labels.
        rule: the contract's split, whose test files go with the training data.

    Returns:
        the S3 URIs of the uploaded files.
    """
    keys = {folder / name: f"data/{part}/{name}" for name, part in FOLDERS.items() if part in what}
    held_out = held_out_files(folder, rule) if "training" in what else []
    keys |= {path: f"data/training/{path.name}" for path in held_out}
    existing = [*data_files(folder), *held_out]
    for path, key in keys.items():
        if path not in existing:
            s3.delete_object(Bucket=bucket, Key=key)
            continue
        with path.open("rb") as stream:
            s3.put_object(Bucket=bucket, Key=key, Body=stream)
    return [f"s3://{bucket}/{keys[path]}" for path in existing if path in keys]


def changed_data(folder: Path, s3: Any, bucket: str, rule: SplitRule = BY_ROW) -> dict[str, list[str]]:
    """The data files that differ from their uploaded copies or have none.

    Args:
        folder: the folder of the data files.
        s3: boto3's client.
        bucket: where `upload_data` has put the copies, each by one request, so that its ETag is the MD5 of its content.
        rule: the contract's split, whose test files go with the training data.

    Returns:
        the names of the files by what `mlops local upload` calls them: training, inference or labels.
    """
    changed: dict[str, list[str]] = {}
    for path in [*data_files(folder), *held_out_files(folder, rule)]:
        what = FOLDERS.get(path.name, "training")
        if not _is_uploaded(path, s3, bucket, f"data/{what}/{path.name}"):
            changed.setdefault(what, []).append(path.name)
    return changed


def _is_uploaded(path: Path, s3: Any, bucket: str, key: str) -> bool:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            return False
        raise
    if found["ContentLength"] != path.stat().st_size:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest() == str(found["ETag"]).strip('"')


def put_markers(environment: Environment, folders: Iterable[str]) -> None:
    """Put the marker into folders of the bucket that have their files, where only a marker starts a pipeline.

    Args:
        environment: where the function start-pipeline knows the marker's name.
        folders: below data/, for example inference/november.
    """
    name = environment.pipeline_name("start-pipeline")
    try:
        settings = environment.client("lambda").get_function_configuration(FunctionName=name)
    except ClientError:
        return  # no function, so nothing starts by itself
    if marker := settings.get("Environment", {}).get("Variables", {}).get("MARKER"):
        for folder in dict.fromkeys(folders):
            environment.client("s3").put_object(Bucket=environment.bucket, Key=f"data/{folder}/{marker}", Body=b"")
