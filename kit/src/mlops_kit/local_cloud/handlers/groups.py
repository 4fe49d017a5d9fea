"""Groups of model packages: who else may use them, and their end. moto knows neither, nor the end of a package."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.handlers.api import Addition, Answer, ApiError, Request

REFUSED = "ValidationException"  # the code of every refusal here


class Groups:
    """Keeps the policies of groups, and removes groups and packages from where moto keeps them.

    Args:
        sagemaker: boto3's client of moto.
        account_id: whose groups.
        region: where.
    """

    def __init__(self, sagemaker: Any, account_id: str, region: str) -> None:
        self._sagemaker = sagemaker
        self._place = account_id, region
        self._policies: dict[str, str] = {}

    def addition(self) -> Addition:
        """The operations on them that moto lacks."""
        return Addition(
            answers={
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
            raise ApiError(REFUSED, f"Cannot find Model Package Group Policy: {name}")
        return {"ResourcePolicy": self._policies[name]}

    def delete_policy(self, request: Request) -> Answer:
        """DeleteModelPackageGroupPolicy."""
        self._policies.pop(request["ModelPackageGroupName"], None)
        return {}

    def delete(self, request: Request) -> Answer:
        """DeleteModelPackageGroup, which takes a group without packages only."""
        name = request["ModelPackageGroupName"]
        self._sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        if self._sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]:
            raise ApiError(
                REFUSED, f"Model Package Group {name} cannot be deleted as it still contains one or more Model Packages"
            )
        del self._moto().model_package_groups[name]
        self._policies.pop(name, None)
        return {}

    def delete_package(self, request: Request) -> Answer:
        """DeleteModelPackage."""
        arn = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageName"])["ModelPackageArn"]
        moto = self._moto()
        del moto.model_packages[arn]
        moto.model_package_name_mapping = {
            name: known for name, known in moto.model_package_name_mapping.items() if known != arn
        }
        return {}

    def _moto(self) -> Any:
        from moto.sagemaker.models import sagemaker_backends  # a cloud that deletes nothing starts without it

        account_id, region = self._place
        return sagemaker_backends[account_id][region]
