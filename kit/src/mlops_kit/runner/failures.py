"""Why a step failed, with the exception types of SageMaker's retry policies."""

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
        reason: as in SageMaker's FailureReason.
        exception_type: the type by which a retry policy selects it; None if a retry is pointless.
    """

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exception_type = exception_type


class ExecutionFailedError(StepFailedError):
    """A Fail step: it ends the execution."""


class StepStoppedError(Exception):
    """A step was stopped."""


def algorithm_error(message: str) -> StepFailedError:
    """The script ended with an error; a retry would end with the same one."""
    return StepFailedError(f"AlgorithmError: {message}")


def client_error(message: str) -> StepFailedError:
    """The request is invalid, or names something that does not exist."""
    return StepFailedError(f"ClientError: {message}")


def internal_error(message: str) -> StepFailedError:
    """The machine failed, not the script."""
    return StepFailedError(f"InternalServerError: {message}", JOB_INTERNAL_ERROR)


def service_failure(error: ClientError | BotoCoreError) -> StepFailedError:
    """AWS's API returned an error, or did not respond."""
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
