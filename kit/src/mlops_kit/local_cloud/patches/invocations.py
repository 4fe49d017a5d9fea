"""Calls of functions through Lambda's own API: moto would run them in Docker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.awslambda.models import LambdaBackend

from mlops_kit.local_cloud.events.targets import Deliveries
from mlops_kit.local_cloud.functions.invocation import FunctionFailedError
from mlops_kit.local_cloud.patches.patch import replaced
from mlops_kit.runner.runtime_context import Function

Invoke = Callable[..., Any]


@contextmanager
def functions_run_when_invoked(deliveries: Deliveries, look_up: Callable[[str], Function | None]) -> Iterator[None]:
    """Within this block Invoke runs a function's code: at once, or later where nobody waits for the answer."""
    with replaced(LambdaBackend, "invoke", lambda _: _running(deliveries, look_up)):
        yield


def _running(deliveries: Deliveries, look_up: Callable[[str], Function | None]) -> Invoke:
    def invoke(
        backend: Any, function_name: str, qualifier: str | None, body: Any, headers: Any, answered: dict[str, str]
    ) -> bytes:
        arn = backend.get_function(function_name, qualifier).function_arn  # answers with an error where there is none
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        payload = b""
        if kind == "Event":
            deliveries.call_later(arn, json.loads(body or "{}"))
        elif kind == "RequestResponse":
            payload = json.dumps(_answer(deliveries, look_up(arn), json.loads(body or "{}"), answered)).encode()
        answered["Content-Length"] = str(len(payload))
        return payload

    return invoke


def _answer(deliveries: Deliveries, function: Function | None, event: Any, answered: dict[str, str]) -> Any:
    if function is None:
        raise KeyError("the function has gone")
    try:
        return deliveries.calls.attempt(function, event)
    except FunctionFailedError as error:
        answered["x-amz-function-error"] = "Unhandled"
        answered["x-amz-log-result"] = base64.b64encode(error.reason.encode()).decode()
        return error.answer
