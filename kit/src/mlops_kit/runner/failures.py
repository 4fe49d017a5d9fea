"""Why a step failed, in the words that SageMaker's retry policies use."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

THROTTLING = "Step.THROTTLING"
SERVICE_FAULT = "Step.SERVICE_FAULT"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
_LIMITED = {"ResourceLimitExceeded", "LimitExceededException"}


class StepFailedError(Exception):
    """A step failed.

    Args:
        reason: what to tell, as SageMaker's FailureReason does.
        exception_type: what a retry policy may name to have it tried again; None where trying again changes nothing.
    """

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exception_type = exception_type


class ExecutionFailedError(StepFailedError):
    """A Fail step: the whole execution ends with it."""


class StepStoppedError(Exception):
    """A step was told to stop."""


def algorithm_error(message: str) -> StepFailedError:
    """The script ended with an error: running it again gives the same one."""
    return StepFailedError(f"AlgorithmError: {message}")


def client_error(message: str) -> StepFailedError:
    """What was asked for is not there, or cannot be."""
    return StepFailedError(f"ClientError: {message}")


def internal_error(message: str) -> StepFailedError:
    """The machine failed, and not the script."""
    return StepFailedError(f"InternalServerError: {message}", JOB_INTERNAL_ERROR)


def service_failure(error: ClientError | BotoCoreError) -> StepFailedError:
    """What AWS's API answered, or that it did not."""
    if not isinstance(error, ClientError):
        return StepFailedError(f"ServiceFault: {error}", SERVICE_FAULT)
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        return StepFailedError(f"{code}: {error}", THROTTLING)
    if code in _LIMITED:
        return StepFailedError(f"{code}: {error}", RESOURCE_LIMIT)
    if status >= 500:
        return StepFailedError(f"ServiceFault: {error}", SERVICE_FAULT)
    return client_error(str(error))
