"""Asynchronous invocation of Lambda functions: retries, then the function's dead-letter queue and destination."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.local_cloud.events import queues
from mlops_kit.runner import invocation
from mlops_kit.runner.container import LOG, Container, relative
from mlops_kit.runner.invocation import FunctionFailedError
from mlops_kit.runner.job_limiter import JobLimiter
from mlops_kit.runner.record import now
from mlops_kit.runner.runtime_context import Function, RuntimeContext
from mlops_kit.runner.stop import Stop

FOLDER = "calls"  # below the working folder: <function>/<request>/
RETRY_DELAYS = (60.0, 120.0)  # seconds; Lambda retries at most twice
FUNCTION_ERROR = 200  # the ErrorCode in a dead letter if the function failed, and not Lambda itself


@dataclass(frozen=True)
class InvocationResult:
    """How an asynchronous invocation ended.

    Attributes:
        failure: the error of the last attempt; None if it succeeded.
        log: the path of the function's output, relative to the working folder.
        queues: the ARNs of the queues that received the failed event.
        queue_error: why one of the queues did not.
    """

    attempts: int
    failure: FunctionFailedError | None
    log: str
    queues: tuple[str, ...] = ()
    queue_error: str = ""


class FunctionInvoker:
    """Invokes functions, in the thread of the caller.

    Args:
        context: where they run.
        sqs: boto3's client.
        stop: ends the current invocations and refuses later ones.
    """

    def __init__(self, context: RuntimeContext, sqs: Any, stop: Stop) -> None:
        # A job may wait for a function. If both needed a slot of the same limiter, they could block each other.
        self._context = replace(context, job_limiter=JobLimiter())
        self._sqs = sqs
        self._stop = stop

    def invoke(self, function: Function, event: Any, request_id: str = "") -> Any:
        """Invoke a function once, and return its answer.

        Raises:
            FunctionFailedError: it failed.
            StepStoppedError: the cloud is shutting down.
        """
        self._stop.check()
        id_ = request_id or str(uuid.uuid4())
        container = Container(self._context, self._stop, self._context.work / FOLDER / function.name / id_)
        try:
            return invocation.invoke(function, event, container, self._context.environment, request_id=id_)
        finally:
            shutil.rmtree(container.path("/opt/ml"), ignore_errors=True)  # keep the log only

    def invoke_with_retries(self, function: Function, event: Any) -> InvocationResult:
        """Invoke a function until it succeeds or has no retries left; then send the event to its queues.

        Raises:
            StepStoppedError: the cloud is shutting down.
        """
        id_ = str(uuid.uuid4())
        log = relative(self._context.work / FOLDER / function.name / id_ / LOG, self._context.work)
        attempts = 0
        while True:
            attempts += 1
            try:
                self.invoke(function, event, id_)
                return InvocationResult(attempts, None, log)
            except FunctionFailedError as error:
                if attempts > function.retries:
                    return self._send_to_queues(InvocationResult(attempts, error, log), function, event, id_)
            self._context.wait(self._stop, RETRY_DELAYS[attempts - 1])

    def _send_to_queues(self, result: InvocationResult, function: Function, event: Any, id_: str) -> InvocationResult:
        """Send a failed event to the function's dead-letter queue and to its failure destination."""
        failure = result.failure
        if failure is None:
            return result
        received, queue_error = [], ""
        attributes: dict[str, str | int] = {
            "RequestID": id_,
            "ErrorCode": FUNCTION_ERROR,
            "ErrorMessage": failure.reason,
        }
        messages: tuple[tuple[str, Any, Mapping[str, str | int]], ...] = (
            (function.dead_letter_queue, event, attributes),
            (function.on_failure, _destination_record(result, function, event, id_), {}),
        )
        for queue, body, about in messages:
            if queue:
                try:
                    queues.send(self._sqs, queue, json.dumps(body), about)
                    received.append(queue)
                except (ClientError, BotoCoreError) as error:
                    queue_error = f"{queue} did not accept it: {error}"
        return replace(result, queues=tuple(received), queue_error=queue_error)


def _destination_record(result: InvocationResult, function: Function, event: Any, id_: str) -> dict[str, Any]:
    """The message that Lambda sends to a failure destination."""
    return {
        "version": "1.0",
        "timestamp": now(),
        "requestContext": {
            "requestId": id_,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": result.attempts,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": result.failure.answer if result.failure else None,
    }
