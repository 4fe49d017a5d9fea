"""The project's data files, and where the pipelines look for them in S3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The folder below data/ in the bucket: the defaults of the pipelines' parameters name these.
FOLDERS = {"training-data.csv": "training", "inference-data.csv": "inference", "ground-truth.csv": "labels"}


def data_files(folder: Path) -> list[Path]:
    """The data files that are there."""
    return [folder / name for name in FOLDERS if (folder / name).exists()]


def upload_data(folder: Path, s3: Any, bucket: str, what: Sequence[str] = tuple(FOLDERS.values())) -> list[str]:
    """Upload the data files that are there, and remove those that were uploaded before and are there no longer.

    Args:
        folder: where they lie.
        s3: boto3's client.
        bucket: where to.
        what: training, inference, labels, or some of them.

    Returns:
        their S3 URIs.
    """
    keys = {folder / name: f"data/{place}/{name}" for name, place in FOLDERS.items() if place in what}
    there = data_files(folder)
    for path, key in keys.items():
        if path not in there:
            s3.delete_object(Bucket=bucket, Key=key)
            continue
        with path.open("rb") as stream:
            s3.put_object(Bucket=bucket, Key=key, Body=stream)
    return [f"s3://{bucket}/{keys[path]}" for path in there if path in keys]
