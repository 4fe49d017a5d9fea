"""Topics of SNS: moto takes subscriptions by e-mail, and sends nothing to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.sns.models import Topic

from mlops_kit.local_cloud.emails import Mails
from mlops_kit.local_cloud.patches.patch import replaced

BY_MAIL = ("email", "email-json")


@contextmanager
def topics_send_mails(mails: Mails) -> Iterator[None]:
    """Within this block what is published goes to those who subscribe by e-mail, too."""
    with replaced(Topic, "publish", lambda original: _mailing(original, mails)):
        yield


def _mailing(original: Callable[..., str], mails: Mails) -> Callable[..., str]:
    def publish(topic: Any, message: str, subject: str | None = None, **more: Any) -> str:
        id_ = original(topic, message, subject=subject, **more)
        subscriptions, _ = topic.sns_backend.list_subscriptions_by_topic(topic_arn=topic.arn)
        addresses = [found.endpoint for found in subscriptions if found.protocol in BY_MAIL]
        mails.send(topic.arn, addresses, subject or "", _text(message, more.get("message_structure")))
        return id_

    return publish


def _text(message: str, structure: str | None) -> str:
    """What the message says to those who get it by e-mail."""
    if structure != "json":
        return message
    said = json.loads(message)
    return str(said.get("email", said.get("default", "")))
