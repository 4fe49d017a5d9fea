"""Send events that match a rule to the rule's targets, as EventBridge does: asynchronously, in order per target."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.local_cloud.api import Answer, ApiError, Request
from mlops_kit.local_cloud.events import queues
from mlops_kit.local_cloud.functions.async_invocation import FunctionInvoker
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import StepStoppedError
from mlops_kit.runner.keyed_executor import KeyedExecutor
from mlops_kit.runner.record import now
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.stop import Stop

FILE = "deliveries.jsonl"
SERVICE = "events.amazonaws.com"
SHUTDOWN_TIMEOUT = 5.0  # seconds per target


@dataclass(frozen=True)
class MatchedEvent:
    """An event that matches a rule, and one of the rule's targets.

    Attributes:
        rule: the rule's ARN; empty for an asynchronous invocation through Lambda's API.
        target: the target, as in PutTargets.
        event: the complete event.
        payload: what the target receives: the event, or what the target's input settings make of it.
    """

    rule: str
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    payload: Any

    @property
    def target_arn(self) -> str:
        """The target's ARN."""
        return str(self.target["Arn"])


@dataclass(frozen=True)
class Delivery:
    """A line of deliveries.jsonl.

    Attributes:
        rule: the rule's name.
        target: the target's ARN.
        event: the event's id.
        outcome: delivered; failed (the function failed on every attempt); or undelivered (the target was not reached).
        kept: the ARNs of the queues that received the event instead.
        log: the path of the function's output, relative to the working folder.
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
    """A target cannot be reached, and a retry would not help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TargetSender:
    """Invokes the functions and starts the pipelines that are targets of rules, in order per target.

    Args:
        context: where functions run.
        sqs: boto3's client.
        start: starts an execution, as StartPipelineExecution does.
    """

    def __init__(self, context: RuntimeContext, sqs: Any, start: Callable[[Request], Answer]) -> None:
        self._context = context
        self._sqs = sqs
        self._start = start
        self._stop = Stop()
        self._executor = KeyedExecutor("targets")
        self._file_lock = threading.Lock()
        self.invoker = FunctionInvoker(context, sqs, self._stop)

    @property
    def sent(self) -> int:
        """The number of events so far."""
        return self._executor.submitted

    def send(self, matched: MatchedEvent) -> bool:
        """Send an event to its target, without waiting; return False if the target is of another type."""
        sender = self._sender(matched.target_arn)
        if sender:
            self._executor.submit(matched.target_arn, lambda: self._write(self._deliver(matched, sender)))
        return sender is not None

    def invoke_later(self, arn: str, event: Any) -> None:
        """Invoke a function asynchronously."""
        self.send(MatchedEvent("", {"Arn": arn}, {}, event))

    def report_undelivered(self, matched: MatchedEvent, code: str, message: str) -> None:
        """Handle an event that moto could not deliver, without waiting."""
        error = UnreachableError(code, message)
        self._executor.submit(matched.target_arn, lambda: self._write(self._dead_letter(matched, error)))

    def wait(self, seconds: float) -> bool:
        """Wait until all events are delivered; return False on a timeout."""
        return self._executor.wait(seconds)

    def close(self) -> None:
        """Stop the current deliveries, and accept no more."""
        self._stop.set()
        self._executor.close(SHUTDOWN_TIMEOUT)

    def _sender(self, arn: str) -> Callable[[MatchedEvent], Delivery] | None:
        if ":lambda:" in arn and ":function:" in arn:
            return self._invoke_function
        if ":sagemaker:" in arn and ":pipeline/" in arn:
            return self._start_pipeline
        return None

    def _deliver(self, matched: MatchedEvent, sender: Callable[[MatchedEvent], Delivery]) -> Delivery | None:
        try:
            return sender(matched)
        except UnreachableError as error:
            return self._dead_letter(matched, error)
        except StepStoppedError:
            return None  # the cloud is shutting down

    def _invoke_function(self, matched: MatchedEvent) -> Delivery:
        arn = matched.target_arn
        function = self._context.function(arn)
        if function is None:
            raise UnreachableError("RESOURCE_NOT_FOUND", f"the Lambda function {arn} does not exist")
        if matched.rule and not function.allows(SERVICE, matched.rule):
            raise UnreachableError(
                "NO_PERMISSIONS",
                f"the policy of {function.name} does not allow {SERVICE} to invoke it for {matched.rule}",
            )
        result = self.invoker.invoke_with_retries(function, matched.payload)
        outcome = "failed" if result.failure else "delivered"
        reason = "; ".join(filter(None, (str(result.failure or ""), result.queue_error)))
        return _delivery(matched, outcome, result.attempts, reason=reason, kept=result.queues, log=result.log)

    def _start_pipeline(self, matched: MatchedEvent) -> Delivery:
        declared = (matched.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
        parameters = [{"Name": each["Name"], "Value": _parameter(each["Value"], matched.event)} for each in declared]
        try:
            self._start({"PipelineName": matched.target_arn, "PipelineParameters": parameters})
        except ApiError as error:
            raise UnreachableError(error.code, str(error)) from error
        except ClientError as error:
            raise UnreachableError(error.response["Error"]["Code"], str(error)) from error
        return _delivery(matched, "delivered")

    def _dead_letter(self, matched: MatchedEvent, error: UnreachableError) -> Delivery:
        """Send an undelivered event to the target's dead-letter queue."""
        queue = (matched.target.get("DeadLetterConfig") or {}).get("Arn", "")
        reason = str(error)
        if queue:
            about = {"RULE_ARN": matched.rule, "TARGET_ARN": matched.target_arn, "ERROR_CODE": error.code}
            try:
                queues.send(self._sqs, queue, json.dumps(matched.event), {**about, "ERROR_MESSAGE": reason})
            except (ClientError, BotoCoreError) as refused:
                queue, reason = "", f"{reason}; {queue} did not accept it: {refused}"
        return _delivery(matched, "undelivered", reason=reason, kept=(queue,) if queue else ())

    def _write(self, delivery: Delivery | None) -> None:
        if delivery:
            path = self._context.work / FILE
            # the folder may have been removed, or the disk may be full: the delivery itself has succeeded
            with self._file_lock, contextlib.suppress(OSError), path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(f"{json.dumps(asdict(delivery))}\n")


def _delivery(matched: MatchedEvent, outcome: str, attempts: int = 1, **more: Any) -> Delivery:
    return Delivery(
        time=now(),
        rule=matched.rule.rpartition("/")[2],
        target=matched.target_arn,
        event=str(matched.event.get("id", "")),
        detail_type=str(matched.event.get("detail-type", "")),
        attempts=attempts,
        outcome=outcome,
        **more,
    )


def _parameter(value: str, event: Mapping[str, Any]) -> str:
    """The value of a pipeline parameter, which may be a path into the event."""
    return as_text(value_at(value, event)) if value.startswith("$.") else value


def value_at(path: str, event: Mapping[str, Any]) -> Any:
    """The value at a path like $.detail.name in an event; None if there is no such value."""
    value: Any = event
    for name in filter(None, path.removeprefix("$").split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def read_deliveries(work: Path) -> list[dict[str, Any]]:
    """The lines of deliveries.jsonl so far, in order."""
    path = work / FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
