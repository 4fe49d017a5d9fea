"""Model package groups: their policies, and the deletion of groups and packages, which moto lacks."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.api import Answer, ApiError, Handler, Request

ERROR_CODE = "ValidationException"


class ModelPackageGroups:
    """Stores the policies of groups, and deletes groups and packages from moto's backend.

    Args:
        sagemaker: boto3's client.
        account_id: the groups' account.
        region: their region.
    """

    def __init__(self, sagemaker: Any, account_id: str, region: str) -> None:
        self._sagemaker = sagemaker
        self._account_id = account_id
        self._region = region
        self._policies: dict[str, str] = {}

    def handler(self) -> Handler:
        """The operations that moto lacks."""
        return Handler(
            instead={
                "SageMaker.PutModelPackageGroupPolicy": self.put_policy,
                "SageMaker.GetModelPackageGroupPolicy": self.get_policy,
                "SageMaker.DeleteModelPackageGroupPolicy": self.delete_policy,
                "SageMaker.DeleteModelPackageGroup": self.delete,
                "SageMaker.DeleteModelPackage": self.delete_package,
            }
        )

    def put_policy(self, request: Request) -> Answer:
        """PutModelPackageGroupPolicy."""
        name = request["ModelPackageGroupName"]
        group = self._sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        self._policies[name] = request["ResourcePolicy"]
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    def get_policy(self, request: Request) -> Answer:
        """GetModelPackageGroupPolicy."""
        name = request["ModelPackageGroupName"]
        if name not in self._policies:
            raise ApiError(ERROR_CODE, f"Cannot find Model Package Group Policy: {name}")
        return {"ResourcePolicy": self._policies[name]}

    def delete_policy(self, request: Request) -> Answer:
        """DeleteModelPackageGroupPolicy."""
        self._policies.pop(request["ModelPackageGroupName"], None)
        return {}

    def delete(self, request: Request) -> Answer:
        """DeleteModelPackageGroup; the group must be empty."""
        name = request["ModelPackageGroupName"]
        self._sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        if self._sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]:
            raise ApiError(
                ERROR_CODE,
                f"Model Package Group {name} cannot be deleted as it still contains one or more Model Packages",
            )
        del self._backend().model_package_groups[name]
        self._policies.pop(name, None)
        return {}

    def delete_package(self, request: Request) -> Answer:
        """DeleteModelPackage."""
        arn = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageName"])["ModelPackageArn"]
        backend = self._backend()
        del backend.model_packages[arn]
        backend.model_package_name_mapping = {
            name: known for name, known in backend.model_package_name_mapping.items() if known != arn
        }
        return {}

    def _backend(self) -> Any:
        from moto.sagemaker.models import sagemaker_backends  # not at the top: most clouds delete nothing

        return sagemaker_backends[self._account_id][self._region]
