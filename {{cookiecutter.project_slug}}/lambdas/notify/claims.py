"""Who tells of a change: one call, although the event may come several times.

A call claims a change before it tells of it, and marks it as told afterwards. Where it broke off in between, Lambda's
own retry, which has the same request id, takes the claim over; any other call can once the claim has run out. So a
duplicate may leave at once: whoever holds the claim either tells, or is tried again, or ends in the dead-letter queue.

Told at least once: where a message went out and its mark was not written, a duplicate may be told again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

CLAIM_SECONDS = 15 * 60  # longer than a call and its retries take
KEPT_DAYS = 30  # longer than a dead-letter queue keeps an event


@dataclass(frozen=True)
class Claims:
    """The claims in the table.

    Attributes:
        dynamodb: boto3's client.
        table: its name.
    """

    dynamodb: Any
    table: str

    def take(self, change: str, holder: str, now: int) -> bool:
        """Claim a change for a call; False where it was told of, or another call is about to.

        Args:
            change: what identifies it.
            holder: the id of the call.
            now: seconds since 1970.
        """
        times = {"claimed_until": now + CLAIM_SECONDS, "expires_at": now + KEPT_DAYS * 86_400}
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={**_key(change), "holder": {"S": holder}} | {name: {"N": str(at)} for name, at in times.items()},
                ConditionExpression="attribute_not_exists(id) OR "
                "(attribute_not_exists(told_at) AND (holder = :holder OR claimed_until < :now))",
                ExpressionAttributeValues={":holder": {"S": holder}, ":now": {"N": str(now)}},
            )
        except ClientError as error:
            if _refused(error):
                return False
            raise
        return True

    def keep(self, change: str, now: int) -> None:
        """Mark a change as told."""
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(change),
            UpdateExpression="SET told_at = :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )

    def drop(self, change: str, holder: str) -> None:
        """Give the claim on a change back, as long as it is this call's."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key(change),
                ConditionExpression="holder = :holder AND attribute_not_exists(told_at)",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        except ClientError as error:
            if not _refused(error):
                raise


def _key(change: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"notified#{change}"}}


def _refused(error: ClientError) -> bool:
    """Whether a condition did not hold."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
