"""What all executions of a local cloud share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_kit.runner.cache import Cache
from mlops_kit.runner.job_limiter import JobLimiter
from mlops_kit.runner.objects import Objects
from mlops_kit.runner.processes import Processes
from mlops_kit.runner.stop import Stop


@dataclass(frozen=True)
class Function:
    """A registered Lambda function.

    Attributes:
        code: its .zip file.
        handler: module and function, for example handler.handler.
        timeout: in seconds.
        permissions: the statements of its resource policy.
        retries: the maximum number of retries of a failed asynchronous invocation.
        dead_letter_queue: the ARN of the queue that receives events after the last retry; empty for none.
        on_failure: the ARN of its failure destination, a queue; empty for none.
    """

    arn: str
    code: bytes
    handler: str
    environment: dict[str, str]
    timeout: float
    permissions: tuple[Mapping[str, Any], ...] = ()
    retries: int = 2
    dead_letter_queue: str = ""
    on_failure: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.arn.rpartition(":")[2]

    def allows(self, service: str, source: str) -> bool:
        """Whether its policy allows a service to invoke it on behalf of a resource.

        Args:
            service: for example events.amazonaws.com.
            source: the resource's ARN.
        """
        return any(
            statement.get("Effect") == "Allow"
            and statement.get("Principal") in (service, {"Service": service})
            and fnmatchcase(source, _source(statement))
            for statement in self.permissions
        )


def _source(statement: Mapping[str, Any]) -> str:
    """The ARN pattern of the resources that a statement applies to."""
    condition = statement.get("Condition") or {}
    return str((condition.get("ArnLike") or {}).get("AWS:SourceArn", "*"))


@dataclass(frozen=True)
class RuntimeContext:
    """What all executions of a local cloud share.

    Attributes:
        work: the folder for everything that executions write.
        environment: the variables with which a process reaches the local AWS.
        sagemaker: boto3's client of the local AWS.
        function: looks up a Lambda function by its ARN; returns None if it does not exist.
        wait: waits before a retry, for at most the seconds that AWS waits, or until the stop is requested.
    """

    work: Path
    region: str
    account_id: str
    environment: dict[str, str]
    processes: Processes
    job_limiter: JobLimiter
    objects: Objects
    cache: Cache
    sagemaker: Any
    function: Callable[[str], Function | None]
    wait: Callable[[Stop, float], None]

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource, for example processing-job/name."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{resource}"
