"""Lambda steps: invoke the function, and read the step's outputs from its response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.invocation import FunctionFailedError, invoke
from mlops_kit.runner.runtime_context import Function
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.task import Task
from mlops_kit.text import counted

TYPES: dict[str, type | tuple[type, ...]] = {"String": str, "Integer": int, "Float": (int, float), "Boolean": bool}
COUNTED = "Counted"
MAX_SHOWN = 24  # characters; longer outputs are URIs and ARNs, which a note omits


def run_function(task: Task) -> StepResult:
    """Invoke the function, and read the step's outputs from its response.

    Raises:
        StepFailedError: the function does not exist, it failed, or its response lacks an output.
    """
    arn = task.options["FunctionArn"]
    function = task.context.function(arn)
    if function is None:
        raise client_error(f"there is no Lambda function {arn}")
    answer = _call(task, function)
    outputs = {
        output["OutputName"]: _output(answer, output["OutputName"], output["OutputType"])
        for output in task.options.get("OutputParameters", [])
    }
    texts = {name: as_text(value) for name, value in outputs.items()}
    listed = [{"Name": name, "Value": text} for name, text in texts.items()]
    return StepResult(
        {"OutputParameters": outputs},
        note=", ".join(filter(None, (_shown(name, text) for name, text in texts.items()))),
        log=task.log(),
        metadata={"Lambda": {"Arn": arn, "OutputParameters": listed}},
    )


def _shown(name: str, text: str) -> str:
    """An output in a note; what was counted in a batch is long, and shown in a few words."""
    if name == COUNTED:
        return counted(text)
    return f"{name} {text}" if 0 < len(text) <= MAX_SHOWN else ""


def _call(task: Task, function: Function) -> Any:
    container = task.container()
    try:
        return invoke(function, task.request, container, task.context.environment, run=partial(task.run, container))
    except FunctionFailedError as error:
        raise client_error(f"the Lambda function {function.name} failed: {error.reason}") from error


def _output(answer: Any, name: str, kind: str) -> Any:
    if not isinstance(answer, Mapping) or name not in answer:
        raise client_error(f"the response of the Lambda function has no {name!r}: {json.dumps(answer)[:200]}")
    value = answer[name]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
        raise client_error(
            f"the response of the Lambda function has {value!r} as {name!r}, which is not of type {kind}"
        )
    return value
