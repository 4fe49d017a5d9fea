"""Lambda's Invoke operation: moto would start Docker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.awslambda.models import LambdaBackend

from mlops_kit.local_cloud.events.targets import TargetSender
from mlops_kit.local_cloud.patches.patch import patch
from mlops_kit.runner.invocation import FunctionFailedError
from mlops_kit.runner.runtime_context import Function

Invoke = Callable[..., Any]


@contextmanager
def patch_invocations(targets: TargetSender, look_up: Callable[[str], Function | None]) -> Iterator[None]:
    """Within this block Invoke runs a function's code, synchronously or asynchronously."""
    with patch(LambdaBackend, "invoke", lambda _: _invoke(targets, look_up)):
        yield


def _invoke(targets: TargetSender, look_up: Callable[[str], Function | None]) -> Invoke:
    def invoke(
        backend: Any,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        arn = backend.get_function(function_name, qualifier).function_arn  # raises moto's error for an unknown name
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        event = json.loads(body or "{}")
        payload = b""
        if kind == "Event":
            targets.invoke_later(arn, event)
        elif kind == "RequestResponse":
            payload = json.dumps(_answer(targets, look_up(arn), event, response_headers)).encode()
        response_headers["Content-Length"] = str(len(payload))
        return payload

    return invoke


def _answer(targets: TargetSender, function: Function | None, event: Any, response_headers: dict[str, str]) -> Any:
    if function is None:
        raise KeyError("the function has been deleted")
    try:
        return targets.invoker.invoke(function, event)
    except FunctionFailedError as error:
        response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = base64.b64encode(error.reason.encode()).decode()
        return error.answer
