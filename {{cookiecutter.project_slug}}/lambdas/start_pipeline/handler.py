"""Lambda, called when an object comes into the bucket: start the pipeline that the object is for.

An event that comes twice starts one execution: both ask under the same token. Rows in a folder of their own are a
batch: `data/inference/<batch>/` is predicted by itself, and judged by the labels in `data/labels/<batch>/`.

Each object is an event of its own, so several files start as many executions, and the last of them sees all files. None
is left out because another has come: S3 dates an object that was uploaded in parts by when the upload began, so nobody
can tell from a listing which came last.

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

# Where the pipeline inference looks for rows and labels unless told otherwise.
ROWS, LABELS = "data/inference/", "data/labels/"


@dataclass(frozen=True)
class Settings:
    """What Terraform hands over.

    Attributes:
        prefixes: the kind of pipeline that an object starts, by the beginning of its key.
    """

    project: str
    environment: str
    prefixes: Mapping[str, str]

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Settings:
        """Read the function's environment variables; raises KeyError where one is missing."""
        return cls(variables["PROJECT"], variables["ENVIRONMENT"], json.loads(variables["PREFIXES"]))


@dataclass(frozen=True)
class NewObject:
    """What an event of S3 tells of an object.

    Attributes:
        version: "none" in a bucket without versions.
        writing: what tells this writing of the key from any other, there too.
        size: in bytes.
    """

    bucket: str
    key: str
    version: str
    writing: str
    size: int

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> NewObject:
        """Take the event apart; raises ValueError where it is another.

        The key is taken as it stands: unlike S3's own notifications, EventBridge does not encode it.
        """
        if (event.get("source"), event.get("detail-type")) != ("aws.s3", "Object Created"):
            raise ValueError(f"an event {event.get('detail-type')!r} of {event.get('source')!r} tells of no new object")
        found = event["detail"]["object"]
        version = found.get("version-id")
        if version == "null":  # what a bucket calls each writing while its versioning is suspended
            version = None
        bucket = event["detail"]["bucket"]["name"]
        return cls(bucket, found["key"], version or "none", version or found["sequencer"], found["size"])


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """What AWS Lambda calls; `start` says what comes in and goes out."""
    settings = Settings.from_variables(os.environ)
    answer = start(event, settings, boto3.client("s3"), boto3.client("sagemaker"))
    print(json.dumps(answer))
    return answer


def start(event: Mapping[str, Any], settings: Settings, s3: Any, sagemaker: Any) -> dict[str, str]:
    """Start the pipeline that a new object is for.

    Args:
        event: "Object Created", as EventBridge hands it on.
        settings: the project's.
        s3: boto3's client.
        sagemaker: boto3's client.

    Returns:
        key, and either execution, the ARN of what was started, or skipped, why nothing was.

    Raises:
        ValueError: the event is another, or its object lies where no pipeline takes objects from.
        RuntimeError: the pipeline is not deployed.
    """
    new = NewObject.of(event)
    prefix = max((prefix for prefix in settings.prefixes if new.key.startswith(prefix)), key=len, default=None)
    if prefix is None:
        known = ", ".join(settings.prefixes)
        raise ValueError(f"s3://{new.bucket}/{new.key} starts no pipeline; what lies under {known} does")
    batch = "".join(new.key[len(prefix) :].rpartition("/")[:2])  # empty, or a folder with its slash
    skipped = why_not_data(new.key, new.size)
    if not skipped and prefix == LABELS and not _holds_data(s3, new.bucket, ROWS + batch):
        skipped = f"s3://{new.bucket}/{ROWS}{batch} holds no rows yet; they will start the pipeline when they come"
    if skipped:
        return {"key": new.key, "skipped": skipped}
    parameters = {"Trigger": "new-data", "TriggerKey": new.key, "TriggerVersion": new.version}
    if batch and prefix in (ROWS, LABELS):
        parameters["InputDataUri"] = f"s3://{new.bucket}/{ROWS}{batch}"
        parameters["LabelsUri"] = f"s3://{new.bucket}/{LABELS}{batch}"
    return {"key": new.key, "execution": _start(sagemaker, settings, settings.prefixes[prefix], new, parameters)}


def why_not_data(key: str, size: int) -> str:
    """Why no job would read an object of so many bytes; empty where one would."""
    name = key.rpartition("/")[2]
    if not name:
        return "it is a folder"
    if name.startswith((".", "_")):
        return "jobs read no files that begin with . or _"
    return "" if size else "it is empty"


def _holds_data(s3: Any, bucket: str, prefix: str) -> bool:
    """Whether an object lies under a prefix that a job would read."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (item for page in pages for item in page.get("Contents", []))
    return any(not why_not_data(item["Key"], item["Size"]) for item in found)


def _start(sagemaker: Any, settings: Settings, kind: str, new: NewObject, parameters: Mapping[str, str]) -> str:
    """Start a pipeline under the object's token, and return the execution's ARN."""
    name = f"{settings.project}-{settings.environment}-{kind}"
    token = hashlib.sha256(json.dumps([new.bucket, new.key, new.writing]).encode()).hexdigest()
    try:
        answer = sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
            ClientRequestToken=token,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            raise RuntimeError(
                f"there is no pipeline {name} that {new.key} could start; deploy it: "
                f"python -m pipelines deploy --env {settings.environment}"
            ) from error
        raise
    return str(answer["PipelineExecutionArn"])
