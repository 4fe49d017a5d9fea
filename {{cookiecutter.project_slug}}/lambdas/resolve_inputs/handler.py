"""Lambda, the first step of each pipeline: find the approved model, the data and the labels.

The later steps read its answer, so that an execution uses one model and one version of the data from start to end.

Needs the IAM actions sagemaker:ListModelPackages on the model package group and its packages,
sagemaker:DescribeModelPackage on the packages, s3:ListBucket on the bucket of the data, and those of every function's
log.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from mlops_jobs.data_objects import path_below, why_not_data

# How SageMaker reports that a group does not exist.
_ABSENT = ("ResourceNotFound", "ValidationException")
_ABSENT_TEXT = re.compile(r"does not exist|not found|could not find", re.IGNORECASE)


@dataclass(frozen=True)
class S3Uri:
    """An S3 location, which a job reads as SageMaker's S3Prefix: every object whose key begins with the prefix."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """Parse s3://bucket/prefix; raises ValueError if it is something else."""
        match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
        if not match:
            raise ValueError(f"{uri!r} is not an S3 URI; pass one like s3://bucket/folder")
        return cls(*match.groups())


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The entry point of AWS Lambda; see `resolve`."""
    return resolve(event, boto3.client("s3"), boto3.client("sagemaker"))


def resolve(event: dict[str, Any], s3: Any, sagemaker: Any) -> dict[str, str]:
    """Resolve the inputs of an execution; all values are strings, the only type that a Lambda step can output.

    Args:
        event: purpose (training or inference), data_uri, labels_uri, model_package_group, and nothing_uri, which
            replaces a missing model or missing labels, because a job's input must exist.
        s3: boto3's client.
        sagemaker: boto3's client.

    Returns:
        DataVersion, ModelApproved, ModelPackageArn, ModelDataUri, BaselineStatisticsUri, BaselineConstraintsUri,
        LabelsAvailable, LabelsUri, LabelsVersion.

    Raises:
        ValueError: there is no data, the URI also matches data of another folder, or the approved model was not
            registered by the training pipeline.
    """
    for_inference = {"training": False, "inference": True}[event["purpose"]]
    data = _objects(s3, event["data_uri"])
    if not data:
        raise ValueError(
            f"there is no data under {event['data_uri']}; put CSV files there, or set the parameter InputDataUri"
        )
    labels = _objects(s3, event["labels_uri"]) if for_inference else []
    return {
        "DataVersion": _fingerprint(data),
        **_approved_model(sagemaker, event["model_package_group"], event["nothing_uri"], with_baselines=for_inference),
        "LabelsAvailable": "true" if labels else "false",
        "LabelsUri": event["labels_uri"] if labels else event["nothing_uri"],
        "LabelsVersion": _fingerprint(labels) if labels else "",
    }


def _objects(s3: Any, uri: str) -> list[tuple[str, str]]:
    """Key and ETag of each object that a job reads.

    Raises:
        ValueError: a key outside the folder begins like the URI, so that a job would read it, too.
    """
    location = S3Uri.parse(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.prefix)
    objects = [
        (item["Key"], item["ETag"])
        for page in pages
        for item in page.get("Contents", [])
        if not why_not_data(path_below(location.prefix, item["Key"]), item["Size"])
    ]
    for key, _ in objects:
        if location.prefix and key != location.prefix and not key.startswith(f"{location.prefix.rstrip('/')}/"):
            raise ValueError(
                f"{uri} also matches s3://{location.bucket}/{key}, because S3 compares only the beginning of a key; "
                "end the URI with a slash if it is a folder, or move one of the two"
            )
    return objects


def _fingerprint(objects: list[tuple[str, str]]) -> str:
    """16 hexadecimal digits that change when an object is added, removed or overwritten with other content."""
    return hashlib.sha256(json.dumps(sorted(objects)).encode()).hexdigest()[:16]


def _approved_model(sagemaker: Any, group: str, nothing_uri: str, *, with_baselines: bool) -> dict[str, str]:
    arn = _latest_approved(sagemaker, group)
    if arn is None:
        artifacts = {"model": nothing_uri, "statistics": "", "constraints": ""}
    else:
        artifacts = _artifacts(sagemaker.describe_model_package(ModelPackageName=arn))
        for name in ("model", "statistics", "constraints") if with_baselines else ("model",):
            if not artifacts[name]:
                raise ValueError(
                    f"the approved {arn} was registered without its {name}, so not by the training pipeline; "
                    "reject it, and approve a version that the pipeline registered"
                )
    return {
        "ModelApproved": "false" if arn is None else "true",
        "ModelPackageArn": arn or "",
        "ModelDataUri": artifacts["model"],
        "BaselineStatisticsUri": artifacts["statistics"],
        "BaselineConstraintsUri": artifacts["constraints"],
    }


def _latest_approved(sagemaker: Any, group: str) -> str | None:
    """The ARN of the newest approved package; None before the first approval or before the group exists."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": 1},
    )
    try:
        return next((package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]), None)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT and _ABSENT_TEXT.search(error.response["Error"]["Message"]):
            return None
        raise


def _artifacts(package: dict[str, Any]) -> dict[str, str]:
    """The URIs of a package's files; empty if it has none."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    baselines = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {})
    return {
        "model": next((container.get("ModelDataUrl", "") for container in containers), ""),
        "statistics": baselines.get("Statistics", {}).get("S3Uri", ""),
        "constraints": baselines.get("Constraints", {}).get("S3Uri", ""),
    }
