"""EventBridge rules: moto matches events with rules, and supports neither functions nor pipelines as targets.

It also applies disabled rules, and rules that only have a schedule, to events; AWS does not.
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

from mlops_kit.local_cloud.events.targets import MatchedEvent, TargetSender, value_at
from mlops_kit.local_cloud.patches.patch import patch

Send = Callable[..., None]


@contextmanager
def patch_rules(targets: TargetSender) -> Iterator[None]:
    """Within this block rules send events to functions and pipelines, too."""
    with patch(Rule, "send_to_targets", lambda original: _send(original, targets)):
        yield


def _send(original: Send, targets: TargetSender) -> Send:
    def send_to_targets(rule: Any, event: Mapping[str, Any], transform_input: bool = True) -> None:
        if rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
            return
        if not rule.event_pattern.matches_event(event):
            return
        for target in list(rule.targets):
            matched = MatchedEvent(rule.arn, target, _as_in_aws(event), _payload(target, event))
            if targets.send(matched):
                continue
            with_one_target = copy.copy(rule)
            with_one_target.targets = [target]
            try:
                original(with_one_target, {"ingestion-time": event["time"], **event}, transform_input)
            except Exception as error:  # of any of the services that moto supports as a target
                targets.report_undelivered(matched, type(error).__name__, str(error))

    return send_to_targets


def _payload(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target receives: the complete event, unless it has input settings."""
    complete = _as_in_aws(event)
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return value_at(target["InputPath"], complete)
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        with_time = cast(EventMessageType, {**complete, "ingestion-time": event["time"]})
        return EventTemplateParser.parse(transformer["InputTemplate"], transformer.get("InputPathsMap", {}), with_time)
    return complete


def _as_in_aws(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event in AWS's form; moto stores times as numbers, and adds the ingestion time."""
    fields = {key: value for key, value in event.items() if key != "ingestion-time"}
    time = datetime.fromtimestamp(float(event["time"]), timezone.utc)
    return {**fields, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
