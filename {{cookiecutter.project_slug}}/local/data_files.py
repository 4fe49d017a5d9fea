"""The project's data files, and where the pipelines look for them in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# The folder below data/ in the bucket: the defaults of the pipelines' parameters name these.
FOLDERS = {"training-data.csv": "training", "inference-data.csv": "inference", "ground-truth.csv": "labels"}


def data_files(folder: Path) -> list[Path]:
    """The data files that are there."""
    return [folder / name for name in FOLDERS if (folder / name).exists()]


def upload_data(folder: Path, s3: Any, bucket: str) -> list[str]:
    """Upload the data files that are there.

    Args:
        folder: where they lie.
        s3: boto3's client.
        bucket: where to.

    Returns:
        their S3 URIs.
    """
    keys = {path: f"data/{FOLDERS[path.name]}/{path.name}" for path in data_files(folder)}
    for path, key in keys.items():
        with path.open("rb") as stream:
            s3.put_object(Bucket=bucket, Key=key, Body=stream)
    return [f"s3://{bucket}/{key}" for key in keys.values()]
