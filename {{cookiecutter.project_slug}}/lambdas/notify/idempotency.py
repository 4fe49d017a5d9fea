"""One message per change, although its event may arrive several times.

A call claims a change before it sends the message, and marks it as complete afterwards. If the call breaks off in
between, Lambda's own retry, which has the same request id, takes over the claim; any other call can do so once the
claim has expired. A duplicate may therefore return at once: the holder of the claim sends the message, or is retried,
or its event ends in the dead-letter queue.

The guarantee is at-least-once: if the message was sent and marking it failed, a duplicate may send it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

CLAIM_SECONDS = 15 * 60  # longer than a call and its retries take
RETENTION_DAYS = 30  # longer than a dead-letter queue keeps an event


@dataclass(frozen=True)
class IdempotencyStore:
    """The claims in the DynamoDB table.

    Attributes:
        dynamodb: the client.
        table: the name of the table.
    """

    dynamodb: Any
    table: str

    def claim(self, change_id: str, holder: str, now: int) -> bool:
        """Claim a change for a call; False if its message was sent, or another call holds the claim.

        Args:
            change_id: identifies the change.
            holder: the id of the call.
            now: seconds since 1970.
        """
        times = {"claimed_until": now + CLAIM_SECONDS, "expires_at": now + RETENTION_DAYS * 86_400}
        numbers = {name: {"N": str(time)} for name, time in times.items()}
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={**_key(change_id), "holder": {"S": holder}, **numbers},
                ConditionExpression="attribute_not_exists(id) OR "
                "(attribute_not_exists(told_at) AND (holder = :holder OR claimed_until < :now))",
                ExpressionAttributeValues={":holder": {"S": holder}, ":now": {"N": str(now)}},
            )
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    def complete(self, change_id: str, now: int) -> None:
        """Record that the message was sent."""
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(change_id),
            UpdateExpression="SET told_at = :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )

    def release(self, change_id: str, holder: str) -> None:
        """Give up the claim, if this call still holds it."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key(change_id),
                ConditionExpression="holder = :holder AND attribute_not_exists(told_at)",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise


def _key(change_id: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"notified#{change_id}"}}


def _condition_failed(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
