"""Lambda, called when an object is created in the bucket: start the pipeline that uses the object.

An event that arrives twice starts one execution, because both calls use the same token. A folder of rows is a batch:
`data/inference/<batch>/` is predicted separately, and judged by the labels in `data/labels/<batch>/`.

Each object has its own event, so several files start as many executions, and the last execution sees all files. No
execution is skipped in favour of a later one: S3 dates a multipart upload by its beginning, so a listing does not show
which object was completed last. Where `new_data.marker` of config/events.yaml names an object, for example _READY, only
that object starts a pipeline: write it after all files of a batch, and they start one execution.

Needs the IAM actions sagemaker:StartPipelineExecution on the pipelines, s3:ListBucket on the bucket, and those of every
function's log.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from mlops_jobs.data_objects import path_below, why_not_data

# Where the pipeline inference looks for rows and labels by default.
ROWS, LABELS = "data/inference/", "data/labels/"


@dataclass(frozen=True)
class Settings:
    """The function's configuration, set by Terraform.

    Attributes:
        prefixes: the kind of pipeline that an object starts, by prefix of its key.
        marker: the name of the only object of a batch that starts a pipeline; empty: each object with data does.
    """

    project: str
    environment: str
    prefixes: Mapping[str, str]
    marker: str = ""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Settings:
        """Read the function's environment variables; raises KeyError if one is missing."""
        return cls(
            variables["PROJECT"],
            variables["ENVIRONMENT"],
            json.loads(variables["PREFIXES"]),
            variables.get("MARKER", ""),
        )


@dataclass(frozen=True)
class NewObject:
    """The object in an event of S3.

    Attributes:
        version: "none" in a bucket without versions.
        write_id: distinguishes each write of the key, even without versions.
        size: in bytes.
    """

    bucket: str
    key: str
    version: str
    write_id: str
    size: int

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> NewObject:
        """Parse an event; raises ValueError if it has another type.

        The key needs no decoding: unlike S3's own notifications, EventBridge does not encode it.
        """
        if (event.get("source"), event.get("detail-type")) != ("aws.s3", "Object Created"):
            source, type_ = event.get("source"), event.get("detail-type")
            raise ValueError(f"an event {type_!r} from {source!r} is not about a new object")
        item = event["detail"]["object"]
        version = item.get("version-id")
        if version == "null":  # the version of every write while versioning is suspended
            version = None
        bucket = event["detail"]["bucket"]["name"]
        return cls(bucket, item["key"], version or "none", version or item["sequencer"], item["size"])


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The entry point of AWS Lambda; see `start`. Logs the answer."""
    settings = Settings.from_variables(os.environ)
    answer = start(event, settings, boto3.client("s3"), boto3.client("sagemaker"))
    print(json.dumps(answer))
    return answer


def start(event: Mapping[str, Any], settings: Settings, s3: Any, sagemaker: Any) -> dict[str, str]:
    """Start the pipeline that uses a new object.

    Args:
        event: "Object Created", as delivered by EventBridge.
        settings: the function's configuration.
        s3: boto3's client.
        sagemaker: boto3's client.

    Returns:
        key, and either execution, the ARN of the new execution, or skipped, the reason why nothing was started.

    Raises:
        ValueError: the event has another type, or no pipeline uses objects with such a key.
        RuntimeError: the pipeline is not deployed.
    """
    new = NewObject.of(event)
    prefix = max((prefix for prefix in settings.prefixes if new.key.startswith(prefix)), key=len, default=None)
    if prefix is None:
        prefixes = ", ".join(settings.prefixes)
        raise ValueError(f"s3://{new.bucket}/{new.key} starts no pipeline; only objects under {prefixes} do")
    batch = "".join(new.key[len(prefix) :].rpartition("/")[:2])  # empty, or a folder with a trailing slash
    skipped = _why_not_started(settings, new.key[len(prefix) :], new.size)
    if not skipped and prefix == LABELS and not _has_arrived(settings, s3, new.bucket, ROWS + batch):
        rows = f"s3://{new.bucket}/{ROWS}{batch}"
        if settings.marker:
            skipped = f"{rows} has no {settings.marker} yet; it will start the pipeline when it arrives"
        else:
            skipped = f"{rows} has no rows yet; they will start the pipeline when they arrive"
    if skipped:
        return {"key": new.key, "skipped": skipped}
    parameters = {"Trigger": "new-data", "TriggerKey": new.key, "TriggerVersion": new.version}
    if batch and prefix in (ROWS, LABELS):
        parameters["InputDataUri"] = f"s3://{new.bucket}/{ROWS}{batch}"
        parameters["LabelsUri"] = f"s3://{new.bucket}/{LABELS}{batch}"
    return {"key": new.key, "execution": _start(sagemaker, settings, settings.prefixes[prefix], new, parameters)}


def _why_not_started(settings: Settings, path: str, size: int) -> str:
    """The reason why an object starts no pipeline; empty if it does.

    Args:
        settings: the function's configuration.
        path: of the object below the folder of its kind of data.
        size: in bytes; a marker may be empty.
    """
    *folders, name = path.split("/")
    if not settings.marker:
        return why_not_data(path, size)
    if name != settings.marker:
        return f"only {settings.marker} starts a pipeline (new_data.marker in config/events.yaml)"
    return why_not_data("/".join([*folders, "data"]), size=1)


def _has_arrived(settings: Settings, s3: Any, bucket: str, prefix: str) -> bool:
    """Whether there is an object under a prefix that starts a pipeline: data, or the marker of a complete batch."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    items = (item for page in pages for item in page.get("Contents", []))
    return any(not _why_not_started(settings, path_below(prefix, item["Key"]), item["Size"]) for item in items)


def _start(sagemaker: Any, settings: Settings, kind: str, new: NewObject, parameters: Mapping[str, str]) -> str:
    """Start a pipeline with a token made from the object; returns the execution's ARN."""
    name = f"{settings.project}-{settings.environment}-{kind}"
    token = hashlib.sha256(json.dumps([new.bucket, new.key, new.write_id]).encode()).hexdigest()
    try:
        answer = sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
            ClientRequestToken=token,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            raise RuntimeError(
                f"the pipeline {name}, which {new.key} should start, is not deployed; deploy it: "
                f"mlops deploy --env {settings.environment}"
            ) from error
        raise
    return str(answer["PipelineExecutionArn"])
