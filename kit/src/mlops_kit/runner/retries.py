"""Retry a step as its retry policies specify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mlops_kit.runner.failures import StepFailedError

Result = TypeVar("Result")
Policy = Mapping[str, Any]


def with_retries(
    action: Callable[[], Result],
    policies: Sequence[Policy],
    wait: Callable[[float], None],
    on_retry: Callable[[int, StepFailedError], None],
) -> Result:
    """Call an action until it succeeds, or no policy allows another attempt.

    Args:
        action: one attempt.
        policies: each names exception types, how often (MaxAttempts) or how long (ExpireAfterMin) to retry them, and
            the delay before each retry (IntervalSeconds, multiplied by BackoffRate each time).
        wait: waits for a number of seconds.
        on_retry: is called before each retry, with the number of the attempt and the error of the last one.

    Raises:
        StepFailedError: the last attempt failed.
    """
    attempts, waited = Counter[int](), Counter[int]()
    while True:
        try:
            return action()
        except StepFailedError as error:
            index = _policy_for(error, policies)
            if index is None:
                raise
            policy = policies[index]
            seconds = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** attempts[index]
            attempts[index] += 1
            waited[index] += round(seconds)
            if _is_exhausted(policy, attempts[index], waited[index]):
                raise
            wait(seconds)
            on_retry(attempts.total() + 1, error)


def _policy_for(error: StepFailedError, policies: Sequence[Policy]) -> int | None:
    return next((i for i, policy in enumerate(policies) if error.exception_type in policy["ExceptionType"]), None)


def _is_exhausted(policy: Policy, attempts: int, waited: int) -> bool:
    if "MaxAttempts" in policy:
        return bool(attempts > policy["MaxAttempts"])
    return bool(waited > policy.get("ExpireAfterMin", 0) * 60)
