"""Rules of EventBridge: moto finds which of them an event matches, and knows no functions or pipelines as targets.

It also tells disabled rules and those that only have a schedule, which AWS does not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, cast

from moto.events.models import Rule
from moto.events.utils import EventMessageType, EventTemplateParser

from mlops_kit.local_cloud.events.targets import Deliveries, Matched, value_at
from mlops_kit.local_cloud.patches.patch import replaced

Send = Callable[..., None]


@contextmanager
def rules_reach_their_targets(deliveries: Deliveries) -> Iterator[None]:
    """Within this block what a rule matches is delivered."""
    with replaced(Rule, "send_to_targets", lambda original: _delivering(original, deliveries)):
        yield


def _delivering(original: Send, deliveries: Deliveries) -> Send:
    def send_to_targets(rule: Any, event: Mapping[str, Any], transform_input: bool = True) -> None:
        if rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
            return
        if not rule.event_pattern.matches_event(event):
            return
        for target in list(rule.targets):
            matched = Matched(rule.arn, target, _as_told(event), _told(target, event))
            if deliveries.take(matched):
                continue
            alone = copy.copy(rule)
            alone.targets = [target]
            try:
                original(alone, {"ingestion-time": event["time"], **event}, transform_input)
            except Exception as error:  # moto's, of whatever service the target is in
                deliveries.undelivered(matched, type(error).__name__, str(error))

    return send_to_targets


def _told(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target wants to be told of an event: all of it, unless it says otherwise."""
    whole = _as_told(event)
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return value_at(target["InputPath"], whole)
    if "InputTransformer" in target:
        given = target["InputTransformer"]
        timed = cast(EventMessageType, {**whole, "ingestion-time": event["time"]})
        return EventTemplateParser.parse(given["InputTemplate"], given.get("InputPathsMap", {}), timed)
    return whole


def _as_told(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event in the form that AWS has: moto keeps times as numbers, and one time more."""
    told = {key: value for key, value in event.items() if key != "ingestion-time"}
    moment = datetime.fromtimestamp(float(event["time"]), timezone.utc)
    return {**told, "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
