"""Do a thing again when a machine failed, as a step's retry policies say."""

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
    again: Callable[[int, StepFailedError], None],
) -> Result:
    """Do something until it works, or the policies have no attempt left.

    Args:
        action: what to do.
        policies: each names exception types, how often (MaxAttempts) or how long (ExpireAfterMin) they are tried
            again, and how long to wait before (IntervalSeconds, times BackoffRate each time).
        wait: waits for so many seconds.
        again: is told before each new attempt: its number, and what went wrong in the last.

    Raises:
        StepFailedError: what the last attempt ended with.
    """
    tried, waited = Counter[int](), Counter[int]()
    while True:
        try:
            return action()
        except StepFailedError as error:
            index = _policy_for(error, policies)
            if index is None:
                raise
            policy = policies[index]
            seconds = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** tried[index]
            tried[index] += 1
            waited[index] += round(seconds)
            if _is_spent(policy, tried[index], waited[index]):
                raise
            wait(seconds)
            again(tried.total() + 1, error)


def _policy_for(error: StepFailedError, policies: Sequence[Policy]) -> int | None:
    return next((i for i, policy in enumerate(policies) if error.exception_type in policy["ExceptionType"]), None)


def _is_spent(policy: Policy, tried: int, waited: int) -> bool:
    if "MaxAttempts" in policy:
        return tried > policy["MaxAttempts"]
    return waited > policy.get("ExpireAfterMin", 0) * 60
