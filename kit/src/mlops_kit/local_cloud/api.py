"""Requests and answers of AWS's API, and handlers of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]


class ApiError(Exception):
    """An error in the form in which AWS returns it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Handler:
    """Functions by operation, for example SageMaker.CreatePipeline.

    Attributes:
        instead: answer a request; moto does not see it.
        before: change a request before moto handles it.
        after: are called after moto has handled a request successfully, with request and answer merged.
    """

    instead: Mapping[str, Callable[[Request], Answer]] = field(default_factory=dict)
    before: Mapping[str, Callable[[Request], Request]] = field(default_factory=dict)
    after: Mapping[str, Callable[[Request], None]] = field(default_factory=dict)
