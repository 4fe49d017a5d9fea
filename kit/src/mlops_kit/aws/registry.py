"""The model registry: the versions of the model, and their approval or rejection by a person.

A version is a model package of the environment's group. The inference pipeline uses the latest approved one.

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
TUNED = "training-hpo"  # the kind of pipeline whose models a review board approves

MAX_DESCRIPTION = 1024  # characters that the registry keeps of a comment
MAX_METADATA = 256  # characters of a value of the metadata


@dataclass(frozen=True)
class ModelPackage:
    """A version of the model.

    Attributes:
        status: PendingManualApproval, Approved or Rejected.
        comment: the reason for which it was approved or rejected.
        metadata: its origin and its score, as the training pipeline registered them.
    """

    version: int
    arn: str
    status: str
    created: datetime
    comment: str
    metadata: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The kind of pipeline that trained it."""
        return self.metadata.get("kind", "")

    @property
    def score(self) -> str:
        """The metric and its value on the test split; empty where the metadata has none."""
        name, value = self.metadata.get("metric", ""), self.metadata.get("value", "")
        return f"{name} {float(value):.4g}" if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", value) else name

    def __str__(self) -> str:
        """The version on one line, for the person who decides."""
        parts = [f"version {self.version}", f"from {self.kind or 'elsewhere'}", self.score]
        return ", ".join(part for part in parts if part)


def model_packages(environment: Environment, limit: int | None = None) -> list[ModelPackage]:
    """The versions of the environment's group, latest first; none if the group does not exist."""
    return list(islice(versions(environment), limit))


def versions(environment: Environment, status: str | None = None) -> Iterator[ModelPackage]:
    """The versions of the environment's group, or those of a status, latest first; described one by one, lazily."""
    sagemaker = environment.client("sagemaker")
    for summary in summaries(environment, status):
        yield _package(sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"]))


def summaries(environment: Environment, status: str | None = None) -> list[dict[str, Any]]:
    """The answer of ListModelPackages, latest first."""
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
    """Approve a version, so that the inference pipeline uses it, and return it with its new status.

    Args:
        environment: whose registry has the model.
        version: None for the one that is pending.
        comment: the reason, which the registry keeps.
        evidence: the record of the review board, which a model with tuned hyperparameters needs.

    Raises:
        UserError: there is no such version, it is approved already, or the comment or the evidence is missing.
    """
    package = to_decide(environment, version, "approve")
    if package.status == APPROVED:
        raise UserError(f"version {package.version} of {environment.model_package_group} is approved already")
    if package.kind == TUNED and not (evidence or "").strip():
        raise UserError(
            f"version {package.version} comes from {TUNED}, so the review board decides: pass its record with "
            '--evidence "..."'
        )
    return _decide(environment, package, APPROVED, comment, (evidence or "").strip())


def reject(environment: Environment, version: int | None = None, comment: str = "") -> ModelPackage:
    """Reject a version, so that the inference pipeline does not use it, and return it with its new status.

    Rejecting the approved version by its number makes the one that was approved before it current again.

    Args:
        environment: whose registry has the model.
        version: None for the one that is pending.
        comment: the reason, which the registry keeps.

    Raises:
        UserError: there is no such version, it is rejected already, or the comment is missing.
    """
    package = to_decide(environment, version, "reject")
    if package.status == REJECTED:
        raise UserError(f"version {package.version} of {environment.model_package_group} is rejected already")
    return _decide(environment, package, REJECTED, comment)


def preferred_to(environment: Environment, package: ModelPackage) -> list[ModelPackage]:
    """The approved versions that inference prefers to this one because they are later; latest first."""
    approved = versions(environment, APPROVED)
    return list(takewhile(lambda candidate: candidate.version != package.version, approved))


def find(environment: Environment, version: int) -> ModelPackage:
    """A version by its number.

    Raises:
        UserError: there is none.
    """
    listed = summaries(environment)
    for summary in listed:
        if summary["ModelPackageVersion"] == version:
            arn = summary["ModelPackageArn"]
            return _package(environment.client("sagemaker").describe_model_package(ModelPackageName=arn))
    known = ", ".join(str(summary["ModelPackageVersion"]) for summary in reversed(listed)) or "none yet"
    raise UserError(f"{environment.model_package_group} has no version {version}; there is {known}")


def to_decide(environment: Environment, version: int | None, verb: str) -> ModelPackage:
    """The version of a number, or the one that is pending.

    Raises:
        UserError: there is no such version, or several are pending.
    """
    if version is not None:
        return find(environment, version)
    pending = list(versions(environment, PENDING))
    if len(pending) > 1:
        raise UserError(
            f"{len(pending)} versions of {environment.model_package_group} are pending: "
            f"{'; '.join(map(str, pending))}; choose the one to {verb} with --version"
        )
    for package in pending:
        return package
    for latest in versions(environment):
        raise UserError(
            f"there is nothing to {verb} in {environment.model_package_group}: no version is pending, and the latest, "
            f"version {latest.version}, is {latest.status}; to {verb} one all the same, choose it with --version"
        )
    raise UserError(
        f"there is nothing to {verb} in {environment.model_package_group}: it has no model yet; train one with: "
        f"mlops start training --env {environment.name}"
    )


def _decide(
    environment: Environment, package: ModelPackage, status: str, comment: str, evidence: str = ""
) -> ModelPackage:
    """Write the decision, its author and its reason into the registry."""
    reason = " ".join(comment.split())
    if not reason:
        raise UserError('a decision needs a reason: add --comment "..."')
    description = f"{reason} Evidence: {' '.join(evidence.split())}" if evidence else reason
    if len(description) > MAX_DESCRIPTION:
        raise UserError(
            f"comment and evidence are {len(description)} characters long and the registry keeps {MAX_DESCRIPTION}; "
            "shorten them, and link to the rest"
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
    """A text reduced to the characters and the length of metadata; the comment has it in full."""
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
