"""Model packages: approval status, updates and events as in AWS."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.api import Handler, Request
from mlops_kit.local_cloud.events.bus import EventBus

UPDATABLE = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")


class ModelPackages:
    """Completes requests before moto handles them, and emits events afterwards.

    Args:
        bus: receives the events.
        sagemaker: boto3's client.
    """

    def __init__(self, bus: EventBus, sagemaker: Any) -> None:
        self._bus = bus
        self._sagemaker = sagemaker

    def handler(self) -> Handler:
        """What precedes and follows moto's operations."""
        create, update = "SageMaker.CreateModelPackage", "SageMaker.UpdateModelPackage"
        return Handler(
            before={create: self.before_create, update: self.before_update},
            after={create: self.after, update: self.after},
        )

    def before_create(self, request: Request) -> Request:
        """A new version is pending unless the request has a status."""
        versioned = {"ModelApprovalStatus": "PendingManualApproval"} if "ModelPackageGroupName" in request else {}
        return {**versioned, **request}

    def before_update(self, request: Request) -> Request:
        """Omitted fields keep their values; customer metadata is merged entry by entry."""
        known = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        kept = {key: known[key] for key in UPDATABLE if key in known}
        metadata = {**known.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        return {**kept, **request, "CustomerMetadataProperties": metadata}

    def after(self, request: Request) -> None:
        """Emit an event with the package's new state."""
        package = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        updated = [key for key in UPDATABLE if key in request]
        is_new = "ModelPackageGroupName" in request or "ModelPackageName" in request
        self._bus.package_changed(package, [] if is_new else updated)
