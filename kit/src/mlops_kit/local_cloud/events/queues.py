"""Messages into queues that are known by their ARNs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_TEXT = 1024  # characters of an error in an attribute; Lambda cuts there too


def send(sqs: Any, arn: str, body: str, attributes: Mapping[str, str | int]) -> None:
    """Put a message into a queue.

    Args:
        sqs: boto3's client.
        arn: the queue's.
        body: of the message.
        attributes: texts and numbers beside it.

    Raises:
        ClientError: there is no such queue.
    """
    url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes={name: _attribute(value) for name, value in attributes.items() if value != ""},
    )


def _attribute(value: str | int) -> dict[str, str]:
    kind = "Number" if isinstance(value, int) else "String"
    return {"DataType": kind, "StringValue": str(value)[:MOST_TEXT]}
