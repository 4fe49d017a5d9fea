"""Invoke a Lambda function: its registered code, in a process that reaches only the local AWS."""

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

RUNTIME_SCRIPT = images.FOLDER / "function.py"
TASK = "/opt/ml/task"

Run = Callable[..., None]


class FunctionFailedError(Exception):
    """A function raised an exception, crashed or timed out.

    Args:
        reason: for the console and the log.
        answer: what Lambda returns to the caller: errorMessage, errorType.
    """

    def __init__(self, reason: str, answer: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer


def invoke(
    function: Function,
    event: Any,
    container: Container,
    variables: Mapping[str, str],
    *,
    run: Run | None = None,
    request_id: str = "",
) -> Any:
    """Invoke a function once.

    Args:
        function: the function.
        event: its event, as JSON.
        container: an empty container, into which the code is extracted.
        variables: the environment variables for access to AWS; the function's own take precedence.
        run: runs a command line; the container's `run` by default.
        request_id: the id of the request; a new one by default.

    Returns:
        the function's answer, as JSON.

    Raises:
        FunctionFailedError: the function failed.
        StepStoppedError: the stop was requested.
    """
    with zipfile.ZipFile(io.BytesIO(function.code)) as code:
        code.extractall(container.make_folder(f"{TASK}/code"))
    container.write_json(f"{TASK}/event.json", event)
    answer = container.path(f"{TASK}/answer.json")
    answer.unlink(missing_ok=True)
    files = [f"{TASK}/event.json", f"{TASK}/answer.json"]
    try:
        (run or container.run)(
            ["python3", str(RUNTIME_SCRIPT), function.handler, *files, request_id or str(uuid.uuid4())],
            {**variables, **function.environment, **_lambda_variables(function)},
            folder=container.path(f"{TASK}/code"),
            seconds=function.timeout,
        )
    except StepFailedError as error:
        reason = error.reason.removeprefix("AlgorithmError: ")
        crashed = {"errorMessage": reason, "errorType": "Runtime.ExitError"}  # for example killed: it wrote no answer
        raise FunctionFailedError(reason, _read(answer) if answer.is_file() else crashed) from error
    return _read(answer)


def _lambda_variables(function: Function) -> dict[str, str]:
    """The variables that Lambda sets for every function."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_ARN": function.arn,
        "AWS_EXECUTION_ENV": "local",
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
