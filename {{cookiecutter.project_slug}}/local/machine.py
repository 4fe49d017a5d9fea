"""What all executions on this machine share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cache import Cache
from local.objects import Objects
from local.processes import Processes
from local.slots import Slots
from local.stop import Stop


@dataclass(frozen=True)
class Function:
    """A Lambda function as it was registered.

    Attributes:
        code: its .zip file.
        handler: module and function, like handler.handler.
        timeout: seconds.
    """

    arn: str
    code: bytes
    handler: str
    environment: dict[str, str]
    timeout: float


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
