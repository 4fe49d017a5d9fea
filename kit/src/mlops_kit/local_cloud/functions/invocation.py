"""Calls of Lambda functions: the registered code, in a process that reaches the local AWS and nothing else."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops_kit import images
from mlops_kit.runner.container import Container
from mlops_kit.runner.failures import StepFailedError
from mlops_kit.runner.runtime_context import Function

PROGRAM = images.FOLDER / "function.py"
TASK = "/opt/ml/task"

Run = Callable[..., None]


class FunctionFailedError(Exception):
    """A function ended with an error, or took too long.

    Args:
        reason: what a person needs to know of it.
        answer: what Lambda tells the caller: errorMessage, errorType.
    """

    def __init__(self, reason: str, answer: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer


def call(
    function: Function,
    event: Any,
    container: Container,
    variables: Mapping[str, str],
    *,
    run: Run | None = None,
    request_id: str = "",
) -> Any:
    """Call a function.

    Args:
        function: what to call.
        event: what it is told, as JSON has it.
        container: an empty one, in which its code is laid down.
        variables: with which it reaches AWS; its own come on top.
        run: runs a command line like `Container.run`, which it is unless given.
        request_id: by which the call is known; a new one unless given.

    Returns:
        what it answered, as JSON has it.

    Raises:
        FunctionFailedError: it failed.
        StepStoppedError: it was told to stop.
    """
    with zipfile.ZipFile(io.BytesIO(function.code)) as code:
        code.extractall(container.make_folder(f"{TASK}/code"))
    container.write_json(f"{TASK}/event.json", event)
    answer = container.path(f"{TASK}/answer.json")
    answer.unlink(missing_ok=True)
    files = [f"{TASK}/event.json", f"{TASK}/answer.json"]
    try:
        (run or container.run)(
            ["python3", str(PROGRAM), function.handler, *files, request_id or str(uuid.uuid4())],
            {**variables, **function.environment, **_of_lambda(function)},
            folder=container.path(f"{TASK}/code"),
            seconds=function.timeout,
        )
    except StepFailedError as error:
        reason = error.reason.removeprefix("AlgorithmError: ")
        told = {"errorMessage": reason, "errorType": "Runtime.ExitError"}  # killed, for example
        raise FunctionFailedError(reason, _read(answer) if answer.is_file() else told) from error
    return _read(answer)


def _of_lambda(function: Function) -> dict[str, str]:
    """What every function finds in its environment."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_ARN": function.arn,
        "AWS_EXECUTION_ENV": "local",
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
