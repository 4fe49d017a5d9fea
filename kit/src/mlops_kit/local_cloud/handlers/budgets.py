"""Budgets: subscribers, tags and updates, which moto lacks."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.api import Answer, ApiError, Handler, Request

SERVICE = "AWSBudgetServiceGateway"


class Budgets:
    """Reads and updates moto's budgets, and stores their tags."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}  # by ARN

    def handler(self) -> Handler:
        """The operations that moto lacks."""
        return Handler(
            instead={
                f"{SERVICE}.UpdateBudget": self.update,
                f"{SERVICE}.DescribeSubscribersForNotification": self.describe_subscribers,
                f"{SERVICE}.ListTagsForResource": self.list_tags,
                f"{SERVICE}.TagResource": self.tag,
                f"{SERVICE}.UntagResource": self.untag,
            },
            after={f"{SERVICE}.CreateBudget": self.after_create, f"{SERVICE}.DeleteBudget": self.after_delete},
        )

    def update(self, request: Request) -> Answer:
        """UpdateBudget."""
        budget = _budget(request["AccountId"], request["NewBudget"]["BudgetName"])
        budget.budget = {**budget.budget, **request["NewBudget"]}
        return {}

    def describe_subscribers(self, request: Request) -> Answer:
        """DescribeSubscribersForNotification."""
        budget = _budget(request["AccountId"], request["BudgetName"])
        identity = _identity(request["Notification"])
        for notification in budget.notifications:
            if _identity(notification.details) == identity:
                return {"Subscribers": notification.subscribers}
        raise ApiError("NotFoundException", f"the budget {request['BudgetName']} has no such notification")

    def list_tags(self, request: Request) -> Answer:
        """ListTagsForResource."""
        tags = self._tags.get(request["ResourceARN"], {})
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag(self, request: Request) -> Answer:
        """TagResource."""
        tags = {tag["Key"]: tag["Value"] for tag in request["ResourceTags"]}
        self._tags[request["ResourceARN"]] = {**self._tags.get(request["ResourceARN"], {}), **tags}
        return {}

    def untag(self, request: Request) -> Answer:
        """UntagResource."""
        for key in request["ResourceTagKeys"]:
            self._tags.get(request["ResourceARN"], {}).pop(key, None)
        return {}

    def after_create(self, request: Request) -> None:
        """Store the tags of a new budget."""
        arn = _arn(request["AccountId"], request["Budget"]["BudgetName"])
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in request.get("ResourceTags") or []}

    def after_delete(self, request: Request) -> None:
        """Remove the tags of a deleted budget."""
        self._tags.pop(_arn(request["AccountId"], request["BudgetName"]), None)


def _budget(account_id: str, name: str) -> Any:
    from moto.budgets.models import budgets_backends  # not at the top: most clouds have no budget

    budgets = budgets_backends[account_id]["aws"].budgets[account_id]
    if name not in budgets:
        raise ApiError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def _arn(account_id: str, name: str) -> str:
    return f"arn:aws:budgets::{account_id}:budget/{name}"


def _identity(notification: dict[str, Any]) -> tuple[Any, ...]:
    """What identifies a notification of a budget; clients send a threshold as 80 or as 80.0."""
    kind = notification.get("ThresholdType", "PERCENTAGE")
    return notification["NotificationType"], notification["ComparisonOperator"], float(notification["Threshold"]), kind
