"""Lambda, the first step of each pipeline: which model is approved, and which data and labels there are.

What it answers is what the steps after it read, so that one execution works with one model and one version of the data
from start to end.

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

# What SageMaker says of a group that is not there.
_ABSENT = ("ResourceNotFound", "ValidationException")
_ABSENT_TEXT = re.compile(r"does not exist|not found|could not find", re.IGNORECASE)


@dataclass(frozen=True)
class S3Uri:
    """A place in S3, which a job reads as SageMaker's S3Prefix: every object whose key begins with the prefix."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """Take s3://bucket/prefix apart; raises ValueError where it is something else."""
        match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
        if not match:
            raise ValueError(f"{uri!r} is no place in S3; give one like s3://bucket/folder")
        return cls(*match.groups())


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """What AWS Lambda calls; `resolve` says what comes in and goes out."""
    return resolve(event, boto3.client("s3"), boto3.client("sagemaker"))


def resolve(event: dict[str, Any], s3: Any, sagemaker: Any) -> dict[str, str]:
    """Answer with strings only, the one type that a Lambda step may put out.

    Args:
        event: purpose (training or inference), data_uri, labels_uri, model_package_group, and nothing_uri, which stands
            for a model or labels that are not there, since a job's input must exist.
        s3: boto3's client.
        sagemaker: boto3's client.

    Returns:
        DataVersion, ModelApproved, ModelPackageArn, ModelDataUri, BaselineStatisticsUri, BaselineConstraintsUri,
        LabelsAvailable, LabelsUri, LabelsVersion.

    Raises:
        ValueError: there is no data, or data of another folder with it, or the approved model is none that the
            pipeline can work with.
    """
    for_inference = {"training": False, "inference": True}[event["purpose"]]
    data = _objects(s3, event["data_uri"])
    if not data:
        raise ValueError(
            f"there is no data under {event['data_uri']}; put CSV files there, or give another InputDataUri"
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
    """Key and ETag of what a job would read: no folder markers, nothing behind a dot or an underscore.

    Raises:
        ValueError: a key begins like the URI and lies elsewhere; a job would read it all the same.
    """
    place = S3Uri.parse(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    objects = [
        (found["Key"], found["ETag"])
        for page in pages
        for found in page.get("Contents", [])
        if not found["Key"].rpartition("/")[2].startswith((".", "_")) and not found["Key"].endswith("/")
    ]
    for key, _ in objects:
        if place.prefix and key != place.prefix and not key.startswith(f"{place.prefix.rstrip('/')}/"):
            raise ValueError(
                f"{uri} would take in s3://{place.bucket}/{key} as well, since S3 goes by how a key begins; end the "
                "URI with a slash if it is a folder, or move one of the two"
            )
    return objects


def _fingerprint(objects: list[tuple[str, str]]) -> str:
    """What changes when an object comes, goes, or gets other content; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(sorted(objects)).encode()).hexdigest()[:16]


def _approved_model(sagemaker: Any, group: str, nothing_uri: str, *, with_baselines: bool) -> dict[str, str]:
    arn = _latest_approved(sagemaker, group)
    if arn is None:
        found = {"model": nothing_uri, "statistics": "", "constraints": ""}
    else:
        found = _artifacts(sagemaker.describe_model_package(ModelPackageName=arn))
        for what in ("model", "statistics", "constraints") if with_baselines else ("model",):
            if not found[what]:
                raise ValueError(
                    f"the approved {arn} was registered without its {what}, so not by the training pipeline; "
                    "reject it, and approve one that was"
                )
    return {
        "ModelApproved": "false" if arn is None else "true",
        "ModelPackageArn": arn or "",
        "ModelDataUri": found["model"],
        "BaselineStatisticsUri": found["statistics"],
        "BaselineConstraintsUri": found["constraints"],
    }


def _latest_approved(sagemaker: Any, group: str) -> str | None:
    """The ARN of the newest approved package; None before the first approval, or before the group exists."""
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
    """Where a package's files lie; empty where it names none."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    baselines = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {})
    return {
        "model": next((container.get("ModelDataUrl", "") for container in containers), ""),
        "statistics": baselines.get("Statistics", {}).get("S3Uri", ""),
        "constraints": baselines.get("Constraints", {}).get("S3Uri", ""),
    }
