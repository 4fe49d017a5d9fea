"""What all executions on this machine share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_kit.runner.cache import Cache
from mlops_kit.runner.job_limiter import Slots
from mlops_kit.runner.objects import Objects
from mlops_kit.runner.processes import Processes
from mlops_kit.runner.stop import Stop


@dataclass(frozen=True)
class Function:
    """A Lambda function as it was registered.

    Attributes:
        code: its .zip file.
        handler: module and function, like handler.handler.
        timeout: seconds.
        callers: statements of its policy: which services may call it, and for what.
        retries: how often an asynchronous call that failed is tried again.
        dead_letters: the ARN of the queue that keeps what it failed at in the end.
        on_failure: the ARN of the queue that is told of it.
    """

    arn: str
    code: bytes
    handler: str
    environment: dict[str, str]
    timeout: float
    callers: tuple[Mapping[str, Any], ...] = ()
    retries: int = 2
    dead_letters: str = ""
    on_failure: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.arn.rpartition(":")[2]

    def may_be_called_by(self, service: str, source: str) -> bool:
        """Whether its policy lets a service call it on behalf of a resource.

        Args:
            service: for example events.amazonaws.com.
            source: the resource's ARN.
        """
        return any(
            statement.get("Effect") == "Allow"
            and statement.get("Principal") in (service, {"Service": service})
            and fnmatchcase(source, _source(statement))
            for statement in self.callers
        )


def _source(statement: Mapping[str, Any]) -> str:
    """The pattern of ARNs for which a statement holds."""
    condition = statement.get("Condition") or {}
    return str((condition.get("ArnLike") or {}).get("AWS:SourceArn", "*"))


@dataclass(frozen=True)
class Machine:
    """What all executions on this machine share.

    Attributes:
        work: the folder of everything that executions leave.
        environment: variables with which a process reaches the local AWS.
        sagemaker: boto3's client of the local AWS.
        function: looks up a Lambda function by its ARN; None where there is no such function.
        wait: waits before a step is tried again, unless told to stop; the seconds are those that the definition says.
    """

    work: Path
    region: str
    account_id: str
    environment: dict[str, str]
    processes: Processes
    slots: Slots
    objects: Objects
    cache: Cache
    sagemaker: Any
    function: Callable[[str], Function | None]
    wait: Callable[[Stop, float], None]

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource like processing-job/name."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{resource}"
