"""Bring events from the rules of EventBridge to their targets, as AWS does: later, in order, and never to nowhere."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.local_cloud.events import queues
from mlops_kit.local_cloud.functions.async_invocation import AsynchronousCalls
from mlops_kit.local_cloud.handlers.api import Answer, ApiError, Request
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import StepStoppedError
from mlops_kit.runner.keyed_executor import Lanes
from mlops_kit.runner.record import now
from mlops_kit.runner.runtime_context import Machine
from mlops_kit.runner.stop import Stop

FILE = "deliveries.jsonl"
SERVICE = "events.amazonaws.com"
CLOSE_SECONDS = 5.0  # that the end of what is under way may take


@dataclass(frozen=True)
class Matched:
    """An event that a rule has for a target.

    Attributes:
        rule: the rule's ARN.
        target: as PutTargets has it.
        event: all of it.
        told: what the target is told of it.
    """

    rule: str
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    told: Any


@dataclass(frozen=True)
class Delivery:
    """A line of deliveries.jsonl.

    Attributes:
        rule: the rule's name.
        target: the target's ARN.
        event: the event's id.
        outcome: delivered; failed (the function did, each time); or undelivered (the target was not even reached).
        kept: the ARN of each queue that keeps what was not delivered.
        log: what the function printed, below the working folder.
    """

    time: str
    rule: str
    target: str
    event: str
    detail_type: str
    attempts: int
    outcome: str
    reason: str = ""
    kept: tuple[str, ...] = ()
    log: str = ""


class UnreachableError(Exception):
    """A target cannot be reached, and trying again would change nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Deliveries:
    """Calls functions and starts pipelines that are targets of rules, in one lane for each.

    Args:
        machine: where functions run.
        sqs: boto3's client.
        start: starts an execution, as StartPipelineExecution does.
    """

    def __init__(self, machine: Machine, sqs: Any, start: Callable[[Request], Answer]) -> None:
        self._machine = machine
        self._sqs = sqs
        self._start = start
        self._stop = Stop()
        self._lanes = Lanes("deliveries")
        self._writing = threading.Lock()
        self.calls = AsynchronousCalls(machine, sqs, self._stop)

    @property
    def taken(self) -> int:
        """How many there have been."""
        return self._lanes.taken

    def take(self, matched: Matched) -> bool:
        """Deliver an event, and come back at once; False where it is none of those that are delivered here."""
        arn = str(matched.target["Arn"])
        deliver = self._deliver_to(arn)
        if deliver:
            self._lanes.put(arn, lambda: self._write(self._delivered(matched, deliver)))
        return deliver is not None

    def call_later(self, arn: str, event: Any) -> None:
        """Call a function for somebody who does not wait for its answer."""
        self.take(Matched("", {"Arn": arn}, {}, event))

    def undelivered(self, matched: Matched, code: str, message: str) -> None:
        """Take note that a target that is reached otherwise was not; come back at once."""
        error = UnreachableError(code, message)
        self._lanes.put(str(matched.target["Arn"]), lambda: self._write(self._kept(matched, error)))

    def wait(self, seconds: float) -> bool:
        """Wait until everything taken is delivered; False when it is not by then."""
        return self._lanes.wait(seconds)

    def close(self) -> None:
        """Stop what is under way, and deliver nothing more."""
        self._stop.set()
        self._lanes.close(CLOSE_SECONDS)

    def _deliver_to(self, arn: str) -> Callable[[Matched], Delivery] | None:
        if ":lambda:" in arn and ":function:" in arn:
            return self._call
        if ":sagemaker:" in arn and ":pipeline/" in arn:
            return self._start_pipeline
        return None

    def _delivered(self, matched: Matched, deliver: Callable[[Matched], Delivery]) -> Delivery | None:
        try:
            return deliver(matched)
        except UnreachableError as error:
            return self._kept(matched, error)
        except StepStoppedError:
            return None  # the cloud is about to end

    def _call(self, matched: Matched) -> Delivery:
        arn = str(matched.target["Arn"])
        function = self._machine.function(arn)
        if function is None:
            raise UnreachableError("RESOURCE_NOT_FOUND", f"there is no Lambda function {arn}")
        if matched.rule and not function.may_be_called_by(SERVICE, matched.rule):
            raise UnreachableError(
                "NO_PERMISSIONS", f"the policy of {function.name} does not let {SERVICE} call it for {matched.rule}"
            )
        called = self.calls.call(function, matched.told)
        outcome = "failed" if called.failure else "delivered"
        reason = "; ".join(filter(None, (str(called.failure or ""), called.lost)))
        return _delivery(matched, outcome, called.attempts, reason=reason, kept=called.kept, log=called.log)

    def _start_pipeline(self, matched: Matched) -> Delivery:
        given = (matched.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
        parameters = [{"Name": each["Name"], "Value": _worked_out(each["Value"], matched.event)} for each in given]
        try:
            self._start({"PipelineName": matched.target["Arn"], "PipelineParameters": parameters})
        except ApiError as error:
            raise UnreachableError(error.code, str(error)) from error
        except ClientError as error:
            raise UnreachableError(error.response["Error"]["Code"], str(error)) from error
        return _delivery(matched, "delivered")

    def _kept(self, matched: Matched, error: UnreachableError) -> Delivery:
        """Put an event that was not delivered into the queue that its target names for that."""
        queue = (matched.target.get("DeadLetterConfig") or {}).get("Arn", "")
        reason = str(error)
        if queue:
            about = {"RULE_ARN": matched.rule, "TARGET_ARN": matched.target["Arn"], "ERROR_CODE": error.code}
            try:
                queues.send(self._sqs, queue, json.dumps(matched.event), {**about, "ERROR_MESSAGE": reason})
            except (ClientError, BotoCoreError) as lost:
                queue, reason = "", f"{reason}; {queue} did not take it: {lost}"
        return _delivery(matched, "undelivered", reason=reason, kept=(queue,) if queue else ())

    def _write(self, delivery: Delivery | None) -> None:
        if delivery:
            path = self._machine.work / FILE
            # somebody may have removed the folder, or the disk is full: what was delivered stays so
            with self._writing, contextlib.suppress(OSError), path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(f"{json.dumps(asdict(delivery))}\n")


def _delivery(matched: Matched, outcome: str, attempts: int = 1, **more: Any) -> Delivery:
    return Delivery(
        time=now(),
        rule=matched.rule.rpartition("/")[2],
        target=str(matched.target["Arn"]),
        event=str(matched.event.get("id", "")),
        detail_type=str(matched.event.get("detail-type", "")),
        attempts=attempts,
        outcome=outcome,
        **more,
    )


def _worked_out(value: str, event: Mapping[str, Any]) -> str:
    """A parameter's value, which may be a path into the event."""
    return as_text(value_at(value, event)) if value.startswith("$.") else value


def value_at(path: str, event: Mapping[str, Any]) -> Any:
    """What stands in an event at a path like $.detail.name; None where nothing does."""
    found: Any = event
    for name in filter(None, path.removeprefix("$").split(".")):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def read_deliveries(work: Path) -> list[dict[str, Any]]:
    """What was delivered so far, in order."""
    path = work / FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
