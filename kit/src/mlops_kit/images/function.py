"""The Lambda runtime: runs a handler. Run by path, in the folder of the function's code."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Context:
    """The context object that Lambda passes to a handler."""

    function_name: str
    invoked_function_arn: str
    seconds: float
    aws_request_id: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "128"
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """The time until the timeout."""
        return max(0, round((self.seconds - (time.monotonic() - self.started)) * 1000))


def main(handler: str, event: Path, answer: Path, request_id: str) -> None:
    """Call a handler with an event, and write its answer or its exception."""
    sys.path.insert(0, str(Path.cwd()))
    context = Context(
        os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        os.environ["AWS_LAMBDA_FUNCTION_ARN"],
        float(os.environ["AWS_LAMBDA_FUNCTION_TIMEOUT"]),
        request_id,
    )
    try:
        module, _, name = handler.rpartition(".")
        function = getattr(importlib.import_module(module.replace("/", ".")), name)
        result = function(json.loads(event.read_text(encoding="utf-8")), context)
        answer.write_text(json.dumps(result), encoding="utf-8")
    except Exception as error:
        failure = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": traceback.format_exc()}
        answer.write_text(json.dumps(failure), encoding="utf-8")
        raise


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
