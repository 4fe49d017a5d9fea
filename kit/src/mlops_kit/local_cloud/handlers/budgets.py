"""Budgets: subscribers, tags and changes of a budget, none of which moto answers for."""

from __future__ import annotations

from typing import Any

from mlops_kit.local_cloud.handlers.api import Addition, Answer, ApiError, Request

SERVICE = "AWSBudgetServiceGateway"


class Budgets:
    """Answers from the budgets that moto keeps, and keeps their tags."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}  # by ARN

    def addition(self) -> Addition:
        """The operations on them that moto lacks."""
        return Addition(
            answers={
                f"{SERVICE}.UpdateBudget": self.update,
                f"{SERVICE}.DescribeSubscribersForNotification": self.describe_subscribers,
                f"{SERVICE}.ListTagsForResource": self.list_tags,
                f"{SERVICE}.TagResource": self.tag,
                f"{SERVICE}.UntagResource": self.untag,
            },
            afterwards={f"{SERVICE}.CreateBudget": self.after_create, f"{SERVICE}.DeleteBudget": self.after_delete},
        )

    def update(self, request: Request) -> Answer:
        """UpdateBudget."""
        budget = _budget(request["AccountId"], request["NewBudget"]["BudgetName"])
        budget.budget = {**budget.budget, **request["NewBudget"]}
        return {}

    def describe_subscribers(self, request: Request) -> Answer:
        """DescribeSubscribersForNotification."""
        budget = _budget(request["AccountId"], request["BudgetName"])
        wanted = _identity(request["Notification"])
        found = [known.subscribers for known in budget.notifications if _identity(known.details) == wanted]
        if not found:
            raise ApiError("NotFoundException", f"the budget {request['BudgetName']} has no such notification")
        return {"Subscribers": found[0]}

    def list_tags(self, request: Request) -> Answer:
        """ListTagsForResource."""
        tags = self._tags.get(request["ResourceARN"], {})
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag(self, request: Request) -> Answer:
        """TagResource."""
        given = {tag["Key"]: tag["Value"] for tag in request["ResourceTags"]}
        self._tags[request["ResourceARN"]] = {**self._tags.get(request["ResourceARN"], {}), **given}
        return {}

    def untag(self, request: Request) -> Answer:
        """UntagResource."""
        for key in request["ResourceTagKeys"]:
            self._tags.get(request["ResourceARN"], {}).pop(key, None)
        return {}

    def after_create(self, request: Request) -> None:
        """Keep the tags that a new budget is given."""
        arn = _arn(request["AccountId"], request["Budget"]["BudgetName"])
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in request.get("ResourceTags") or []}

    def after_delete(self, request: Request) -> None:
        """Forget those of one that is gone."""
        self._tags.pop(_arn(request["AccountId"], request["BudgetName"]), None)


def _budget(account_id: str, name: str) -> Any:
    from moto.budgets.models import budgets_backends  # a cloud without budgets starts without them

    budgets = budgets_backends[account_id]["aws"].budgets[account_id]
    if name not in budgets:
        raise ApiError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def _arn(account_id: str, name: str) -> str:
    return f"arn:aws:budgets::{account_id}:budget/{name}"


def _identity(notification: dict[str, Any]) -> tuple[Any, ...]:
    """What tells one notification of a budget from another; a threshold is 80 in one request and 80.0 in the next."""
    kind = notification.get("ThresholdType", "PERCENTAGE")
    return notification["NotificationType"], notification["ComparisonOperator"], float(notification["Threshold"]), kind
