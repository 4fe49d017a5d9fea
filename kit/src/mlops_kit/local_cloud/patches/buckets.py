"""Bucket notifications: moto does not return the EventBridge setting, and emits events of a different form."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from moto.events.models import events_backends
from moto.events.utils import EventMessageType
from moto.s3 import notifications
from moto.s3.responses import S3Response

from mlops_kit.local_cloud.patches.patch import patch

CREATED = "s3:ObjectCreated:"
PUT = "PutObject"
REASONS = {
    "Put": PUT,
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
END = "</NotificationConfiguration>"
UNVERSIONED = "null"


@contextmanager
def patch_bucket_notifications() -> Iterator[None]:
    """Within this block buckets return all notification settings, and emit events in S3's form."""
    with (
        patch(S3Response, "get_bucket_notification", _with_event_bridge),
        patch(notifications, "_send_event_bridge_message", _send_as_s3),
    ):
        yield


def _with_event_bridge(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_bucket_notification(response: Any) -> Any:
        status, headers, body = original(response)
        configuration = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if configuration and configuration.event_bridge is not None:
            with_end = body[:-2] + ">" + END if body.endswith("/>") else body
            body = with_end.replace(END, f"<EventBridgeConfiguration/>{END}")
        return status, headers, body

    return get_bucket_notification


def _send_as_s3(original: Callable[..., None]) -> Callable[..., None]:
    def send_event_bridge_message(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        reason = REASONS.get(str(event_name.value).removeprefix(CREATED))  # type: ignore[attr-defined]
        if reason is None:
            original(account_id, bucket, event_name, key)
            return
        if key.multipart and reason == PUT:
            return  # the end of a multipart upload: moto emits CompleteMultipartUpload, too
        event = cast(EventMessageType, created_event(account_id, bucket, key, reason))
        for rule in list(events_backends[account_id][bucket.region_name].event_buses["default"].rules.values()):
            rule.send_to_targets(event, transform_input=False)

    return send_event_bridge_message


def created_event(account_id: str, bucket: Any, key: Any, reason: str) -> dict[str, Any]:
    """S3's event for a new object.

    Args:
        account_id: the bucket's account.
        bucket: moto's bucket.
        key: moto's object.
        reason: the operation that created the object.
    """
    about = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "sequencer": f"{time.time_ns():018X}"}
    if key.version_id not in (None, UNVERSIONED):
        about["version-id"] = key.version_id
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": account_id,
        "time": time.time(),  # moto stores times as numbers; patches/rules.py formats them
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": about,
            "request-id": secrets.token_hex(8).upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        },
    }
