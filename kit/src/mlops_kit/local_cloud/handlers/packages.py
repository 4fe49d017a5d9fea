"""What has to happen around moto's operations on model packages."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.events.bus import Events
from mlops_kit.local_cloud.handlers.api import Addition, Request

CHANGEABLE = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")


class Packages:
    """Puts requests right before moto gets them, and tells of what it did.

    Args:
        events: is told.
        sagemaker: boto3's client of moto.
    """

    def __init__(self, events: Events, sagemaker: Any) -> None:
        self._events = events
        self._sagemaker = sagemaker

    def addition(self) -> Addition:
        """What has to happen around the operations on them."""
        create, update = "SageMaker.CreateModelPackage", "SageMaker.UpdateModelPackage"
        return Addition(
            changes={create: self.before_create, update: self.before_update},
            afterwards={create: self.after, update: self.after},
        )

    def before_create(self, request: Request) -> Request:
        """A version that nobody has looked at waits for approval."""
        versioned = {"ModelApprovalStatus": "PendingManualApproval"} if "ModelPackageGroupName" in request else {}
        return {**versioned, **request}

    def before_update(self, request: Request) -> Request:
        """What is not mentioned stays; of the customer's metadata each entry by itself."""
        known = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        kept = {key: known[key] for key in CHANGEABLE if key in known}
        metadata = {**known.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        return {**kept, **request, "CustomerMetadataProperties": metadata}

    def after(self, request: Request) -> None:
        """Tell of the package as it is now."""
        package = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        updated = [key for key in CHANGEABLE if key in request]
        is_new = "ModelPackageGroupName" in request or "ModelPackageName" in request
        self._events.package_changed(package, [] if is_new else updated)
