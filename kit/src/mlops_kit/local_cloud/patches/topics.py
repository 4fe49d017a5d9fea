"""SNS topics: moto accepts e-mail subscriptions, and sends nothing to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.sns.models import Topic

from mlops_kit.local_cloud.emails import EmailLog
from mlops_kit.local_cloud.patches.patch import patch

PROTOCOLS = ("email", "email-json")


@contextmanager
def patch_topics(emails: EmailLog) -> Iterator[None]:
    """Within this block messages are also sent to the e-mail subscribers."""
    with patch(Topic, "publish", lambda original: _with_emails(original, emails)):
        yield


def _with_emails(original: Callable[..., str], emails: EmailLog) -> Callable[..., str]:
    def publish(topic: Any, message: str, subject: str | None = None, **more: Any) -> str:
        id_ = original(topic, message, subject=subject, **more)
        subscriptions, _ = topic.sns_backend.list_subscriptions_by_topic(topic_arn=topic.arn)
        addresses = [each.endpoint for each in subscriptions if each.protocol in PROTOCOLS]
        emails.send(topic.arn, addresses, subject or "", _text(message, more.get("message_structure")))
        return id_

    return publish


def _text(message: str, structure: str | None) -> str:
    """The message's text for e-mail subscribers."""
    if structure != "json":
        return message
    texts = json.loads(message)
    return str(texts.get("email", texts.get("default", "")))
