"""Calls of Lambda functions for which nobody waits: tried again when they fail, then kept where the function says."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.local_cloud.events import queues
from mlops_kit.local_cloud.functions import invocation
from mlops_kit.local_cloud.functions.invocation import FunctionFailedError
from mlops_kit.runner.container import LOG, Container, relative
from mlops_kit.runner.job_limiter import Slots
from mlops_kit.runner.record import now
from mlops_kit.runner.runtime_context import Function, Machine
from mlops_kit.runner.stop import Stop

FOLDER = "calls"  # below the working folder: in it one for each function, and there one for each call
PAUSES = (60.0, 120.0)  # seconds for which Lambda waits before each further attempt
FUNCTION_FAILED = 200  # the code of a dead letter: Lambda itself did its part


@dataclass(frozen=True)
class Called:
    """How a call ended.

    Attributes:
        failure: what the function ended with; None where it did what it should.
        kept: the ARNs of the queues that keep what it failed at.
        lost: why one of them could not.
        log: what the function printed, below the working folder.
    """

    attempts: int
    failure: FunctionFailedError | None
    log: str
    kept: tuple[str, ...] = ()
    lost: str = ""


class AsynchronousCalls:
    """Calls functions, in whichever thread asks for it.

    Args:
        machine: where they run.
        sqs: boto3's client.
        stop: ends a call, and those that are still to come.
    """

    def __init__(self, machine: Machine, sqs: Any, stop: Stop) -> None:
        self._machine = replace(machine, slots=Slots())  # a job may wait for a function: they share no places
        self._sqs = sqs
        self._stop = stop

    def attempt(self, function: Function, event: Any, request_id: str = "") -> Any:
        """Call a function once, and give back its answer.

        Raises:
            FunctionFailedError: it failed.
            StepStoppedError: the cloud is about to end.
        """
        self._stop.check()
        id_ = request_id or str(uuid.uuid4())
        container = Container(self._machine, self._stop, self._machine.work / FOLDER / function.name / id_)
        try:
            return invocation.call(function, event, container, self._machine.environment, request_id=id_)
        finally:
            shutil.rmtree(container.path("/opt/ml"), ignore_errors=True)  # the log is what is worth looking at

    def call(self, function: Function, event: Any) -> Called:
        """Call a function until it does what it should, or may not be tried again.

        Raises:
            StepStoppedError: the cloud is about to end.
        """
        id_ = str(uuid.uuid4())
        log = relative(self._machine.work / FOLDER / function.name / id_ / LOG, self._machine.work)
        attempts = 0
        while True:
            attempts += 1
            try:
                self.attempt(function, event, id_)
                return Called(attempts, None, log)
            except FunctionFailedError as error:
                if attempts > function.retries:
                    return self._keep(Called(attempts, error, log), function, event, id_)
            self._machine.wait(self._stop, PAUSES[attempts - 1])

    def _keep(self, called: Called, function: Function, event: Any, id_: str) -> Called:
        """Put what a function failed at into the queues that it names for that."""
        failure = called.failure
        if failure is None:
            return called
        kept, lost = [], ""
        about: dict[str, str | int] = {"RequestID": id_, "ErrorCode": FUNCTION_FAILED, "ErrorMessage": failure.reason}
        record = _destination_record(called, function, event, id_)
        letters: tuple[tuple[str, Any, Mapping[str, str | int]], ...] = (
            (function.dead_letters, event, about),
            (function.on_failure, record, {}),
        )
        for queue, body, attributes in letters:
            if queue:
                try:
                    queues.send(self._sqs, queue, json.dumps(body), attributes)
                    kept.append(queue)
                except (ClientError, BotoCoreError) as error:
                    lost = f"{queue} did not take it: {error}"
        return replace(called, kept=tuple(kept), lost=lost)


def _destination_record(called: Called, function: Function, event: Any, id_: str) -> dict[str, Any]:
    """What a destination for failures is told."""
    return {
        "version": "1.0",
        "timestamp": now(),
        "requestContext": {
            "requestId": id_,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": called.attempts,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": called.failure.answer if called.failure else None,
    }
