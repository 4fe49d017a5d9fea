"""A Fail step ends the execution."""

from __future__ import annotations

from typing import NoReturn

from local.failures import ExecutionFailedError
from local.steps.task import Task
from local.values import as_text


def run_fail(task: Task) -> NoReturn:
    """Say what is wrong.

    Raises:
        ExecutionFailedError: always.
    """
    raise ExecutionFailedError(as_text(task.request["ErrorMessage"]))
