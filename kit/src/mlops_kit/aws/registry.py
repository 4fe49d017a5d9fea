"""The model registry: which versions there are, and a person's word on them.

A version is a model package of the environment's group. The inference pipeline takes the latest that is approved.

Needs the IAM actions sagemaker:ListModelPackages on the group, and sagemaker:DescribeModelPackage and
UpdateModelPackage on its packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import refusals
from mlops_kit.aws.environment import Environment

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"
TUNED = "training-hpo"  # the kind of pipeline whose models a review board decides on

MAX_DESCRIPTION = 1024  # characters that the registry keeps of a comment
MAX_METADATA = 256  # characters of a value of the metadata


@dataclass(frozen=True)
class ModelPackage:
    """A version of the model.

    Attributes:
        status: PendingManualApproval, Approved or Rejected.
        comment: what was said when it was approved or rejected.
        metadata: where it comes from and how good it is, as the training pipeline registered it.
    """

    version: int
    arn: str
    status: str
    created: datetime
    comment: str
    metadata: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The kind of pipeline that made it."""
        return self.metadata.get("kind", "")

    @property
    def score(self) -> str:
        """The metric that it was judged by, and its value on the test split, as far as they are known."""
        name, value = self.metadata.get("metric", ""), self.metadata.get("value", "")
        return f"{name} {float(value):.4g}" if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", value) else name

    def __str__(self) -> str:
        """It on a line, for who decides."""
        about = [f"version {self.version}", f"from {self.kind or 'elsewhere'}", self.score]
        return ", ".join(part for part in about if part)


def model_packages(environment: Environment, limit: int | None = None) -> list[ModelPackage]:
    """The latest versions of the environment's group, the latest first; none where the group does not exist."""
    return list(islice(versions(environment), limit))


def versions(environment: Environment, status: str | None = None) -> Iterator[ModelPackage]:
    """The versions of the environment's group (of one status only), the latest first, each asked for when it is due."""
    sagemaker = environment.client("sagemaker")
    for summary in summaries(environment, status):
        yield _package(sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"]))


def summaries(environment: Environment, status: str | None = None) -> list[dict[str, Any]]:
    """What ListModelPackages tells of the versions, the latest first."""
    pages = environment.client("sagemaker").get_paginator("list_model_packages")
    only = {"ModelApprovalStatus": status} if status else {}
    group = {"ModelPackageGroupName": environment.model_package_group}
    try:
        answers = pages.paginate(**group, **only, SortBy="CreationTime", SortOrder="Descending")
        return [summary for page in answers for summary in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if refusals.is_absent(error):
            return []
        raise


def approve(
    environment: Environment, version: int | None = None, comment: str = "", evidence: str | None = None
) -> ModelPackage:
    """Approve a version, so that the inference pipeline takes it, and return it as it then is.

    Args:
        environment: whose model it is.
        version: None for the one that waits.
        comment: why, for those who come later.
        evidence: the record of the review board, which a model with tuned hyperparameters needs.

    Raises:
        UserError: there is no such version, it is approved already, or comment or evidence are missing.
    """
    package = to_decide(environment, version, "approve")
    if package.status == APPROVED:
        raise UserError(f"version {package.version} of {environment.model_package_group} is approved already")
    if package.kind == TUNED and not (evidence or "").strip():
        raise UserError(
            f"version {package.version} comes from {TUNED}, so the review board decides: give its record with "
            '--evidence "..."'
        )
    return _decide(environment, package, APPROVED, comment, (evidence or "").strip())


def reject(environment: Environment, version: int | None = None, comment: str = "") -> ModelPackage:
    """Reject a version, so that the inference pipeline does not take it, and return it as it then is.

    To reject the approved version by its number goes back to the one that was approved before.

    Args:
        environment: whose model it is.
        version: None for the one that waits.
        comment: why, for those who come later.

    Raises:
        UserError: there is no such version, it is rejected already, or the comment is missing.
    """
    package = to_decide(environment, version, "reject")
    if package.status == REJECTED:
        raise UserError(f"version {package.version} of {environment.model_package_group} is rejected already")
    return _decide(environment, package, REJECTED, comment)


def preferred_to(environment: Environment, package: ModelPackage) -> list[ModelPackage]:
    """The approved versions that inference takes rather than this one, since they are later; the latest first."""
    approved = versions(environment, APPROVED)
    return list(takewhile(lambda found: found.version != package.version, approved))


def find(environment: Environment, version: int) -> ModelPackage:
    """A version by its number.

    Raises:
        UserError: there is none.
    """
    found = summaries(environment)
    for summary in found:
        if summary["ModelPackageVersion"] == version:
            arn = summary["ModelPackageArn"]
            return _package(environment.client("sagemaker").describe_model_package(ModelPackageName=arn))
    known = ", ".join(str(summary["ModelPackageVersion"]) for summary in reversed(found)) or "none yet"
    raise UserError(f"{environment.model_package_group} has no version {version}; there is {known}")


def to_decide(environment: Environment, version: int | None, verb: str) -> ModelPackage:
    """The version that was named, or the one that waits.

    Raises:
        UserError: there is no such version, or several wait.
    """
    if version is not None:
        return find(environment, version)
    waiting = list(versions(environment, PENDING))
    if len(waiting) > 1:
        raise UserError(
            f"{len(waiting)} versions of {environment.model_package_group} wait: {'; '.join(map(str, waiting))}; "
            f"say with --version which to {verb}"
        )
    for package in waiting:
        return package
    for latest in versions(environment):
        raise UserError(
            f"there is nothing to {verb} in {environment.model_package_group}: no version waits, and the latest, "
            f"version {latest.version}, is {latest.status}; to {verb} a version nevertheless, name it with --version"
        )
    raise UserError(
        f"there is nothing to {verb} in {environment.model_package_group}: it holds no model yet; make one with: "
        f"mlops start training --env {environment.name}"
    )


def _decide(
    environment: Environment, package: ModelPackage, status: str, comment: str, evidence: str = ""
) -> ModelPackage:
    """Write the decision, who made it and why into the registry."""
    said = " ".join(comment.split())
    if not said:
        raise UserError('a decision needs its reason: give it with --comment "..."')
    description = f"{said} Evidence: {' '.join(evidence.split())}" if evidence else said
    if len(description) > MAX_DESCRIPTION:
        raise UserError(
            f"comment and evidence are {len(description)} characters long and the registry keeps {MAX_DESCRIPTION}; "
            "say it shorter, and link to the rest"
        )
    decided = {f"{status.lower()}_by": refusals.caller(environment)} | ({"evidence": evidence} if evidence else {})
    environment.client("sagemaker").update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus=status,
        ApprovalDescription=description,
        CustomerMetadataProperties={**package.metadata, **{key: _metadata(value) for key, value in decided.items()}},
    )
    return find(environment, package.version)


def _metadata(text: str) -> str:
    """A text in the characters and the length that metadata may have; the comment holds it in full."""
    return re.sub(r"[^\w.:/=+@ -]", "_", " ".join(text.split()))[:MAX_METADATA]


def _package(described: Mapping[str, Any]) -> ModelPackage:
    return ModelPackage(
        version=described["ModelPackageVersion"],
        arn=described["ModelPackageArn"],
        status=described["ModelApprovalStatus"],
        created=described["CreationTime"],
        comment=described.get("ApprovalDescription", ""),
        metadata=described.get("CustomerMetadataProperties", {}),
    )
