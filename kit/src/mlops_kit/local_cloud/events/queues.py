"""Send messages to SQS queues by their ARNs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_ATTRIBUTE_LENGTH = 1024  # characters; Lambda truncates error messages to this length


def send(sqs: Any, arn: str, body: str, attributes: Mapping[str, str | int]) -> None:
    """Send a message to a queue.

    Args:
        sqs: boto3's client.
        arn: the queue's.
        body: the message's body.
        attributes: the message's attributes; empty strings are omitted.

    Raises:
        ClientError: the queue does not exist.
    """
    url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes={name: _attribute(value) for name, value in attributes.items() if value != ""},
    )


def _attribute(value: str | int) -> dict[str, str]:
    kind = "Number" if isinstance(value, int) else "String"
    return {"DataType": kind, "StringValue": str(value)[:MAX_ATTRIBUTE_LENGTH]}
