"""Lambda steps: the function's registered code, in a process that reaches the local AWS and nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.failures import StepFailedError, client_error
from local.machine import Function
from local.outcome import Outcome
from local.steps.task import Task
from local.values import as_text

PROGRAM = Path(__file__).parents[1] / "programs" / "function.py"
TASK = "/opt/ml/task"
TYPES: dict[str, type | tuple[type, ...]] = {"String": str, "Integer": int, "Float": (int, float), "Boolean": bool}
SHOWN = 24  # characters of an output that is still worth showing; URIs and ARNs are longer


def run_function(task: Task) -> Outcome:
    """Call the function, and take the outputs that the step names from its answer.

    Raises:
        StepFailedError: there is no such function, it failed, or its answer lacks an output.
    """
    arn = task.options["FunctionArn"]
    function = task.machine.function(arn)
    if function is None:
        raise client_error(f"there is no Lambda function {arn}")
    answer = _call(task, function)
    outputs = {
        output["OutputName"]: _output(answer, output["OutputName"], output["OutputType"])
        for output in task.options.get("OutputParameters", [])
    }
    texts = {name: as_text(value) for name, value in outputs.items()}
    listed = [{"Name": name, "Value": text} for name, text in texts.items()]
    return Outcome(
        {"OutputParameters": outputs},
        note=", ".join(f"{name} {text}" for name, text in texts.items() if 0 < len(text) <= SHOWN),
        log=task.log(),
        metadata={"Lambda": {"Arn": arn, "OutputParameters": listed}},
    )


def _call(task: Task, function: Function) -> Any:
    container = task.container()
    with zipfile.ZipFile(io.BytesIO(function.code)) as code:
        code.extractall(container.made(f"{TASK}/code"))
    container.write_json(f"{TASK}/event.json", task.request)
    name = function.arn.rpartition(":")[2]
    environment = {
        **task.machine.environment,
        **function.environment,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_ARN": function.arn,
        "AWS_EXECUTION_ENV": "local",
    }
    try:
        task.run(
            container,
            ["python3", str(PROGRAM), function.handler, f"{TASK}/event.json", f"{TASK}/answer.json"],
            environment,
            folder=container.path(f"{TASK}/code"),
            seconds=function.timeout,
        )
    except StepFailedError as error:
        reason = error.reason.removeprefix("AlgorithmError: ")
        raise client_error(f"the Lambda function {name} failed: {reason}") from error
    return json.loads(container.path(f"{TASK}/answer.json").read_text(encoding="utf-8"))


def _output(answer: Any, name: str, kind: str) -> Any:
    if not isinstance(answer, Mapping) or name not in answer:
        raise client_error(f"the answer of the Lambda function has no {name!r}: {json.dumps(answer)[:200]}")
    value = answer[name]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
        raise client_error(f"the answer of the Lambda function holds {name!r} as {value!r}, which is no {kind}")
    return value
