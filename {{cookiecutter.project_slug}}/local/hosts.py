"""A job on several instances: what each gets, and running them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from local.stop import Stop

Result = TypeVar("Result")


def host_names(count: int) -> list[str]:
    """What SageMaker calls the instances of a job."""
    return [f"algo-{number}" for number in range(1, count + 1)]


def side_by_side(stop: Stop, actions: Sequence[Callable[[Stop], Result]]) -> list[Result]:
    """Do several things at once; when one fails, the others are told to stop.

    Returns:
        what each gave, in order.

    Raises:
        Exception: what the first that failed raised.
    """
    if len(actions) == 1:
        return [actions[0](stop)]
    together = Stop(stop)
    failures: list[Exception] = []

    def guarded(action: Callable[[Stop], Result]) -> Result | None:
        try:
            return action(together)
        except Exception as error:
            failures.append(error)
            together.set()
            return None

    try:
        with ThreadPoolExecutor(len(actions)) as pool:
            results = list(pool.map(guarded, actions))
    finally:
        together.release()
    if failures:
        raise failures[0]
    return [result for result in results if result is not None]
